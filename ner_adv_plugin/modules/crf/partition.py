"""Log partition function of a linear-chain CRF with its closed-form gradient.

Forward-backward in probability space, rescaled at every step (Rabiner 1989, "A tutorial on hidden
Markov models", section V.A), with both directions in one loop. Sequences near underflow are
recomputed in log space.

All scores are float64. Forbidden starts, transitions and ends have a score of -inf. Emissions may
be -inf, too, to exclude tags at single positions; the argument `excludes` declares this, so that
the zeros they cause are not mistaken for underflow.

Shape suffixes: B sequences, L positions, T tags, D the two directions (0 forward, 1 backward). The
backward direction runs over the positions of each sequence in reverse order, so that both
directions start at step 0.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Underflow changes a product by at most 2.3e-308. Above these floors that is far below the rounding
# error of float64, also after division by the total of a step (no smaller than its states) or by
# the evidence.
STATE_FLOOR = 1e-140
EVIDENCE_FLOOR = 1e-250


class ForwardBackward(NamedTuple):
    """Result of the forward-backward algorithm.

    # Parameters

    log_partition : log partition function of each sequence, (B,).
    tags : posterior probability of each tag at each position, (L, B, T), 0 at padding.
    transitions : expected number of uses of each transition, (B, T, T), [from, to].
    """

    log_partition: Tensor
    tags: Tensor
    transitions: Tensor


class _LogPartition(torch.autograd.Function):
    """Log partition function with its gradient in closed form.

    The gradient of log Z with respect to a score is the expected number of uses of the score (Sha
    and Pereira 2003).
    """

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
    """Compute the log partition function of each sequence; differentiable once.

    It is the logarithm of the sum of exp(path score) over all tag paths.

    # Parameters

    emissions : (B, L, T) float64, 0 at padding.
    lengths : number of positions of each sequence, (B,) long, 0 or more.
    starts : scores of the first tag, (T,) float64.
    transitions : scores of the transitions, (T, T) float64, [from, to].
    ends : scores of the last tag, (T,) float64.
    excludes : whether emissions may be -inf, which excludes the tag at that position.

    # Returns

    (B,) float64: 0 for a sequence of length 0, -inf for a sequence without an admissible path.
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
    """Compute log partition function and posteriors of each sequence, without gradients.

    See `log_partition` for the parameters.
    """
    result, safe_B = scaled_forward_backward(
        emissions, lengths, starts, transitions, ends, excludes
    )
    unsafe = (~safe_B).nonzero().squeeze(1)  # the only host synchronisation
    if len(unsafe) > 0:
        exact = log_space_forward_backward(
            emissions[unsafe], lengths[unsafe], starts, transitions, ends
        )
        result.log_partition.index_copy_(0, unsafe, exact.log_partition)
        result.tags.index_copy_(1, unsafe, exact.tags)
        result.transitions.index_copy_(0, unsafe, exact.transitions)
    return result


def scaled_forward_backward(
    emissions: Tensor,
    lengths: Tensor,
    starts: Tensor,
    transitions: Tensor,
    ends: Tensor,
    excludes: bool = False,
) -> tuple[ForwardBackward, Tensor]:
    """Forward-backward in probability space.

    See `log_partition` for the parameters.

    # Returns

    The result, and (B,) bool: True for sequences whose result is exact, False near underflow.
    """
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

    # Filled rather than multiplied by the mask, as values at padding may be NaN.
    weight_LB1 = evidence_LB1.reciprocal()
    tags_LBT = joint_LBT.mul_(weight_LB1).masked_fill_(~inside_LB1, 0.0)
    left_LBT = (forward_LBT * weight_LB1).masked_fill_(~inside_LB1 | last_LB1, 0.0)
    transitions_BTT = torch.bmm(left_LBT.permute(1, 2, 0), next_LBT.transpose(0, 1)).mul_(kernel_TT)

    # States that no admissible path reaches are 0 without any underflow.
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
    """Forward-backward in log space: slower, and exact for any finite or -inf scores.

    See `log_partition` for the parameters.
    """
    inside_LB1, last_LB1 = _positions(emissions, lengths)
    states_LDBT = _in_both_orders(emissions, lengths)
    states_LDBT[0] += torch.stack([starts, ends]).unsqueeze(1)
    kernel_D1TT = torch.stack([transitions, transitions.T]).unsqueeze(1)
    for previous_DBT, current_DBT in pairwise(states_LDBT.unbind(0)):
        current_DBT += torch.logsumexp(previous_DBT.unsqueeze(-1) + kernel_D1TT, dim=-2)

    forward_LBT, next_LBT = states_LDBT[:, 0], _next_backward(states_LDBT, lengths)
    next_LBT.masked_fill_(~inside_LB1 | last_LB1, -torch.inf)
    log_partition_B = torch.logsumexp(forward_LBT[_last(lengths)] + ends, dim=-1)
    # All terms of a sequence without an admissible path are -inf. Subtracting 0 instead of -inf
    # gives posteriors of 0.
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
    """Turn local weights into states in place, for t = 1 to L - 1.

    state[t] = local[t] * (state[t - 1] @ kernel) / sum(state[t - 1]).
    """
    tags = kernel_DTT.shape[-1]
    # With a column of ones the same product also gives the sum: three operations per step.
    kernel_DTC = torch.nn.functional.pad(kernel_DTT, (0, 1), value=1.0)
    product_DBC = states_LDBT.new_empty(*states_LDBT.shape[1:3], tags + 1)
    arriving_DBT, total_DB1 = product_DBC[..., :tags], product_DBC[..., tags:]
    for previous_DBT, current_DBT in pairwise(states_LDBT.unbind(0)):
        torch.bmm(previous_DBT, kernel_DTC, out=product_DBC)
        current_DBT.mul_(arriving_DBT).div_(total_DB1)


def _unreachable(first_DT: Tensor, steps_DTT: Tensor, length: int) -> Tensor:
    """Find the tags that no admissible path reaches after each number of steps, by doubling.

    # Returns

    (L, D, 1, T) float64: 1 if unreachable, otherwise 0.
    """
    states_DLT = first_DT.unsqueeze(1).float()
    while states_DLT.shape[1] < length:
        states_DLT = torch.cat([states_DLT, torch.bmm(states_DLT, steps_DTT)], dim=1)
        steps_DTT = torch.bmm(steps_DTT, steps_DTT).clamp_(max=1.0)
    return (states_DLT[:, :length] == 0).double().transpose(0, 1).unsqueeze(2)


def _unreachable_by_sequence(
    allowed_BLT: Tensor, lengths_B: Tensor, first_DT: Tensor, steps_DTT: Tensor
) -> Tensor:
    """See `_unreachable`, for sequences with tags excluded at single positions.

    # Returns

    (L, D, B, T) float64: 1 if unreachable, otherwise 0.
    """
    reached_LDBT = _in_both_orders(allowed_BLT.float(), lengths_B)
    reached_LDBT[0].mul_(first_DT.unsqueeze(1))
    for previous_DBT, current_DBT in pairwise(reached_LDBT.unbind(0)):
        current_DBT.mul_(torch.bmm(previous_DBT, steps_DTT).clamp_(max=1.0))
    return (reached_LDBT == 0).double()


def _exponentiated(scores: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return exp(scores - shift) and the shift.

    The shift is the maximum over `dims`, which are kept with size 1; finite even if all scores are
    -inf.
    """
    shift = scores.amax(dims, keepdim=True).clamp_(min=torch.finfo(scores.dtype).min)
    return (scores - shift).exp_(), shift


def _positions(emissions_BLT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each position is inside its sequence, and whether it is the last, (L, B, 1) bool."""
    position_L11 = torch.arange(emissions_BLT.shape[1], device=lengths_B.device).view(-1, 1, 1)
    return position_L11 < lengths_B.unsqueeze(-1), position_L11 == lengths_B.unsqueeze(-1) - 1


def _in_both_orders(values_BLT: Tensor, lengths_B: Tensor) -> Tensor:
    """Copy values in step order of both directions, (L, D, B, T).

    The backward direction reverses the positions of a sequence within its length.
    """
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
    """Return next[t] = backward[t + 1] for every position t, (L, B, T).

    From the last position of a sequence on, the values are finite but have no meaning.
    """
    length, _, sequences, tags = states_LDBT.shape
    position_L1 = torch.arange(length, device=lengths_B.device).unsqueeze(1)
    step_LB = (lengths_B - 2 - position_L1).clamp_(min=0)
    index_LB = (2 * step_LB + 1) * sequences + torch.arange(sequences, device=lengths_B.device)
    return (
        states_LDBT.flatten(0, 2).index_select(0, index_LB.flatten()).view(length, sequences, tags)
    )


def _last(lengths_B: Tensor) -> tuple[Tensor, Tensor]:
    """Index into (L, B, ...) that selects the last position of each sequence.

    Position 0 for a sequence of length 0.
    """
    return (lengths_B - 1).clamp_(min=0), torch.arange(len(lengths_B), device=lengths_B.device)
