"""Log partition function of a linear-chain CRF with its closed-form gradient.

Forward-backward in probability space, scaled at every step (Rabiner 1989, "A tutorial on hidden Markov
models", section V.A), both directions in one loop; sequences near underflow are recomputed in log space.

Everything here is float64; forbidden starts, transitions and ends have the score -inf, as may tags that a
position excludes: `excludes` says that there are such, and spares sequences that have them the log space. Shape
suffixes: B sequences, L positions, T tags, D the two directions (0 forward, 1 backward; the backward direction takes
every sequence in the reversed order of its own positions, so both start at step 0).
"""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Underflow takes at most 2.3e-308 from a product. Above these floors that is far below float64's rounding
# error, also after the division by a step's total (no smaller than its states) or by the evidence.
STATE_FLOOR = 1e-140
EVIDENCE_FLOOR = 1e-250


class ForwardBackward(NamedTuple):
    """Log partition (B,), tag posteriors (L, B, T), 0 beyond the sequence, and expected transition counts
    (B, T, T), summed over positions.
    """

    log_partition: Tensor
    tags: Tensor
    transitions: Tensor


class _LogPartition(torch.autograd.Function):
    """The gradient of log Z is the expected number of uses of each score (Sha and Pereira 2003)."""

    @staticmethod
    def forward(ctx: Any, emissions: Tensor, lengths: Tensor, *scores: Any) -> Tensor:
        result = forward_backward(emissions, lengths, *scores)
        ctx.save_for_backward(lengths, result.tags, result.transitions)
        return result.log_partition

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_B: Tensor) -> tuple[Tensor | None, ...]:
        lengths_B, tags_LBT, transitions_BTT = ctx.saved_tensors
        emissions_LBT = tags_LBT * gradient_B.unsqueeze(-1)
        return (
            emissions_LBT.transpose(0, 1),
            None,
            emissions_LBT[0].sum(0),
            torch.tensordot(gradient_B, transitions_BTT, dims=1),
            emissions_LBT[_last(lengths_B)].sum(0),
            None,
        )


def log_partition(
    emissions: Tensor,
    lengths: Tensor,
    starts: Tensor,
    transitions: Tensor,
    ends: Tensor,
    excludes: bool = False,
) -> Tensor:
    """Log of the sum over all tag paths of the exponentiated path score, per sequence; differentiable once.

    Parameters: emissions (B, L, T), 0 beyond a sequence's length; lengths (B,) long, 0 allowed; starts (T,);
    transitions (T, T), from sequence to column; ends (T,); scores in float64; excludes: see above.
    Returns (B,): 0 for a sequence of length 0, -inf for a sequence without an admissible path.
    """
    return _LogPartition.apply(emissions, lengths, starts, transitions, ends, excludes)


def forward_backward(
    emissions: Tensor,
    lengths: Tensor,
    starts: Tensor,
    transitions: Tensor,
    ends: Tensor,
    excludes: bool = False,
) -> ForwardBackward:
    """Log partition and posteriors of every sequence, without gradients; parameters as in `log_partition`."""
    result, safe_B = scaled_forward_backward(
        emissions, lengths, starts, transitions, ends, excludes
    )
    sequences_R = (~safe_B).nonzero().squeeze(1)  # the only host synchronisation
    if len(sequences_R) > 0:
        exact = log_space_forward_backward(
            emissions[sequences_R], lengths[sequences_R], starts, transitions, ends
        )
        result.log_partition.index_copy_(0, sequences_R, exact.log_partition)
        result.tags.index_copy_(1, sequences_R, exact.tags)
        result.transitions.index_copy_(0, sequences_R, exact.transitions)
    return result


def scaled_forward_backward(
    emissions: Tensor,
    lengths: Tensor,
    starts: Tensor,
    transitions: Tensor,
    ends: Tensor,
    excludes: bool = False,
) -> tuple[ForwardBackward, Tensor]:
    """Forward-backward in probability space, and for which sequences (B,) bool its result is exact."""
    kernel_TT, kernel_shift = _exponentiated(transitions, (0, 1))
    outer_DT, outer_shift = _exponentiated(torch.stack([starts, ends]), (1,))
    local_BLT, local_shift_BL1 = _exponentiated(emissions, (2,))
    states_LDBT = _in_both_orders(local_BLT, lengths)
    states_LDBT[0].mul_(outer_DT.unsqueeze(1))
    _scan(states_LDBT, torch.stack([kernel_TT, kernel_TT.T]))

    inside_LB1, last_LB1 = _positions(emissions, lengths)
    forward_LBT, next_LBT = states_LDBT[:, 0], _next_backward(states_LDBT, lengths)
    onward_LBT = next_LBT @ kernel_TT.T
    onward_LBT[_last(lengths)] = outer_DT[1]
    joint_LBT = onward_LBT.mul_(forward_LBT)
    evidence_LB1 = joint_LBT.sum(-1, keepdim=True)
    log_scales_LB1 = torch.where(last_LB1, evidence_LB1, forward_LBT.sum(-1, keepdim=True)).log_()
    log_scales_LB1.add_(local_shift_BL1.transpose(0, 1)).masked_fill_(~inside_LB1, 0.0)
    log_partition_B = (
        log_scales_LB1.sum((0, 2)) + kernel_shift.view(()) * (lengths - 1) + outer_shift.sum()
    )

    # Filled, not multiplied by the mask: beyond the end of a sequence there may be NaN.
    weight_LB1 = evidence_LB1.reciprocal()
    tags_LBT = joint_LBT.mul_(weight_LB1).masked_fill_(~inside_LB1, 0.0)
    left_LBT = (forward_LBT * weight_LB1).masked_fill_(~inside_LB1 | last_LB1, 0.0)
    transitions_BTT = torch.bmm(left_LBT.permute(1, 2, 0), next_LBT.transpose(0, 1)).mul_(kernel_TT)
    first_DT = torch.stack([starts, ends]) > -torch.inf
    steps_DTT = (torch.stack([transitions, transitions.T]) > -torch.inf).float()
    if excludes:
        states_LDBT += _unreachable_by_sequence(
            emissions > -torch.inf, lengths, first_DT, steps_DTT
        )
    else:
        states_LDBT += _unreachable(first_DT, steps_DTT, len(states_LDBT))
    lowest_LDB1 = states_LDBT.amin(-1, keepdim=True)
    safe_LB1 = (lowest_LDB1 >= STATE_FLOOR).all(1) & (evidence_LB1 >= EVIDENCE_FLOOR)
    result = ForwardBackward(
        log_partition_B.masked_fill_(lengths == 0, 0.0), tags_LBT, transitions_BTT
    )
    return result, (safe_LB1 | ~inside_LB1).all(0).squeeze(1)


def log_space_forward_backward(
    emissions: Tensor, lengths: Tensor, starts: Tensor, transitions: Tensor, ends: Tensor
) -> ForwardBackward:
    """Forward-backward in log space, slower and exact for any finite or -inf scores."""
    inside_LB1, last_LB1 = _positions(emissions, lengths)
    states_LDBT = _in_both_orders(emissions, lengths)
    states_LDBT[0] += torch.stack([starts, ends]).unsqueeze(1)
    kernel_D1TT = torch.stack([transitions, transitions.T]).unsqueeze(1)
    for previous_DBT, current_DBT in pairwise(states_LDBT.unbind(0)):
        current_DBT += torch.logsumexp(previous_DBT.unsqueeze(-1) + kernel_D1TT, dim=-2)

    forward_LBT, next_LBT = states_LDBT[:, 0], _next_backward(states_LDBT, lengths)
    next_LBT.masked_fill_(~inside_LB1 | last_LB1, -torch.inf)
    log_partition_B = torch.logsumexp(forward_LBT[_last(lengths)] + ends, dim=-1)
    # A sequence without an admissible path has only -inf terms: subtract 0, not -inf, for posteriors of 0.
    forward_LBT = forward_LBT - log_partition_B.masked_fill(
        log_partition_B == -torch.inf, 0.0
    ).unsqueeze(-1)
    tags_LBT = torch.where(last_LB1, (forward_LBT + ends).exp(), 0.0)
    transitions_BTT = emissions.new_zeros(len(emissions), *transitions.shape)
    for tags_BT, forward_BT, next_BT in zip(tags_LBT, forward_LBT, next_LBT, strict=True):
        pair_BTT = (forward_BT.unsqueeze(2) + transitions + next_BT.unsqueeze(1)).exp_()
        tags_BT += pair_BTT.sum(2)
        transitions_BTT += pair_BTT
    return ForwardBackward(log_partition_B, tags_LBT, transitions_BTT)


def _scan(states_LDBT: Tensor, kernel_DTT: Tensor) -> None:
    """Turn local weights into states: state[t] = local[t] * (state[t - 1] @ kernel) / sum(state[t - 1])."""
    tags = kernel_DTT.shape[-1]
    # A column of ones makes the same product yield the sum, for three operations per step.
    kernel_DTC = torch.nn.functional.pad(kernel_DTT, (0, 1), value=1.0)
    product_DBC = states_LDBT.new_empty(*states_LDBT.shape[1:3], tags + 1)
    arriving_DBT, total_DB1 = product_DBC[..., :tags], product_DBC[..., tags:]
    for previous_DBT, current_DBT in pairwise(states_LDBT.unbind(0)):
        torch.bmm(previous_DBT, kernel_DTC, out=product_DBC)
        current_DBT.mul_(arriving_DBT).div_(total_DB1)


def _unreachable(first_DT: Tensor, steps_DTT: Tensor, length: int) -> Tensor:
    """(L, D, 1, T): 1 where no admissible path leads to the tag in so many steps, else 0; by doubling."""
    states_DLT = first_DT.unsqueeze(1).float()
    while states_DLT.shape[1] < length:
        states_DLT = torch.cat([states_DLT, torch.bmm(states_DLT, steps_DTT)], dim=1)
        steps_DTT = torch.bmm(steps_DTT, steps_DTT).clamp_(max=1.0)
    return (states_DLT[:, :length] == 0).double().transpose(0, 1).unsqueeze(2)


def _unreachable_by_sequence(
    allowed_BLT: Tensor, lengths_B: Tensor, first_DT: Tensor, steps_DTT: Tensor
) -> Tensor:
    """(L, D, B, T): the same, of sequences whose positions each allow tags of their own."""
    reached_LDBT = _in_both_orders(allowed_BLT.float(), lengths_B)
    reached_LDBT[0].mul_(first_DT.unsqueeze(1))
    for previous_DBT, current_DBT in pairwise(reached_LDBT.unbind(0)):
        current_DBT.mul_(torch.bmm(previous_DBT, steps_DTT).clamp_(max=1.0))
    return (reached_LDBT == 0).double()


def _exponentiated(scores: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """exp(scores - shift) and the shift, the maximum over `dims` kept as size 1, finite if all are -inf."""
    shift = scores.amax(dims, keepdim=True).clamp_(min=torch.finfo(scores.dtype).min)
    return (scores - shift).exp_(), shift


def _positions(emissions_BLT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
    """(L, B, 1) bool twice: inside the sequence, last of the sequence."""
    position_L11 = torch.arange(emissions_BLT.shape[1], device=lengths_B.device).view(-1, 1, 1)
    return position_L11 < lengths_B.unsqueeze(-1), position_L11 == lengths_B.unsqueeze(-1) - 1


def _in_both_orders(values_BLT: Tensor, lengths_B: Tensor) -> Tensor:
    """(L, D, B, T) copy in step order: a sequence's positions as they are, and reversed within its length."""
    sequences, length, tags = values_BLT.shape
    step_L1 = torch.arange(length, device=lengths_B.device).unsqueeze(1)
    backward_LB = torch.where(step_L1 < lengths_B, lengths_B - 1 - step_L1, step_L1)
    order_LDB = torch.stack([step_L1.expand(length, sequences), backward_LB], dim=1)
    order_LDB += torch.arange(sequences, device=lengths_B.device) * length
    return (
        values_BLT.flatten(0, 1)
        .index_select(0, order_LDB.flatten())
        .view(length, 2, sequences, tags)
    )


def _next_backward(states_LDBT: Tensor, lengths_B: Tensor) -> Tensor:
    """(L, B, T): at position t the backward state of t + 1; from the last position on, any finite one."""
    length, _, sequences, tags = states_LDBT.shape
    position_L1 = torch.arange(length, device=lengths_B.device).unsqueeze(1)
    step_LB = (lengths_B - 2 - position_L1).clamp_(min=0)
    index_LB = (2 * step_LB + 1) * sequences + torch.arange(sequences, device=lengths_B.device)
    return (
        states_LDBT.flatten(0, 2).index_select(0, index_LB.flatten()).view(length, sequences, tags)
    )


def _last(lengths_B: Tensor) -> tuple[Tensor, Tensor]:
    """Index of the last position of every sequence in (L, B, ...), position 0 for a sequence of length 0."""
    return (lengths_B - 1).clamp_(min=0), torch.arange(len(lengths_B), device=lengths_B.device)
