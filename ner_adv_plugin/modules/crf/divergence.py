"""Divergence between two distributions over tag paths, with its gradient.

For two linear-chain CRFs with the same starts, transitions and ends, P with the emissions e and P'
with e', log P(y) - log P'(y) is the sum over positions of e_y - e'_y, and a constant. The mean of
both directions of the Kullback-Leibler divergence so needs the marginals m and m' only:

    (KL(P || P') + KL(P' || P)) / 2 = sum over positions and tags of (m - m') (e - e') / 2.

Shape suffixes: B pairs of sequences, L positions, T tags; C = 2 B both sequences of all pairs.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ner_adv_plugin.modules.crf.partition import forward_backward

# Largest change of an emission in a difference quotient of float64: its error, about 1e-10, is
# below the rounding of a gradient in float32.
CHANGE = 1e-5


class _Divergence(torch.autograd.Function):
    """Mean of both directions of the Kullback-Leibler divergence.

    Its gradient contains derivatives of marginals along e - e', a product of the Hessian of log Z
    with a vector. They are central differences of marginals, two more runs of forward-backward.
    """

    @staticmethod
    def forward(
        ctx: Any, emissions_BLT: Tensor, others_BLT: Tensor, lengths_B: Tensor, *scores: Any
    ) -> Tensor:
        both_CLT = torch.cat([emissions_BLT, others_BLT])
        tags_LBT, other_tags_LBT = forward_backward(
            both_CLT, lengths_B.repeat(2), *scores
        ).tags.chunk(2, dim=1)
        excess_BLT = (tags_LBT - other_tags_LBT).transpose(0, 1)
        gap_BLT = emissions_BLT - others_BLT
        ctx.save_for_backward(both_CLT, gap_BLT, excess_BLT, lengths_B, *scores)
        return 0.5 * (excess_BLT * gap_BLT).sum((1, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_B: Tensor) -> tuple[Tensor | None, ...]:
        both_CLT, gap_BLT, excess_BLT, lengths_B, *scores = ctx.saved_tensors
        step_B = CHANGE / gap_BLT.abs().amax((1, 2)).clamp(min=CHANGE)
        change_CLT = (gap_BLT * step_B[:, None, None]).repeat(2, 1, 1)
        up = forward_backward(both_CLT + change_CLT, lengths_B.repeat(2), *scores)
        down = forward_backward(both_CLT - change_CLT, lengths_B.repeat(2), *scores)
        width_C = 2 * step_B.repeat(2)
        slopes_CLT = (up.tags - down.tags).transpose(0, 1) / width_C[:, None, None]
        slopes_CTT = (up.transitions - down.transitions) / width_C[:, None, None]

        half_B11 = 0.5 * gradient_B[:, None, None]
        slope_BLT, other_slope_BLT = slopes_CLT.chunk(2)
        shared_BLT = half_B11 * (slope_BLT - other_slope_BLT)
        transitions_BTT = half_B11 * (slopes_CTT[: len(gap_BLT)] - slopes_CTT[len(gap_BLT) :])
        last_B = (lengths_B - 1).clamp(min=0)
        return (
            half_B11 * (excess_BLT + slope_BLT),
            -half_B11 * (excess_BLT + other_slope_BLT),
            None,
            shared_BLT[:, 0].sum(0),
            transitions_BTT.sum(0),
            shared_BLT[torch.arange(len(last_B), device=last_B.device), last_B].sum(0),
        )


def divergence(
    emissions: Tensor,
    others: Tensor,
    lengths: Tensor,
    starts: Tensor,
    transitions: Tensor,
    ends: Tensor,
) -> Tensor:
    """Compute the divergence of each pair of sequences; differentiable once.

    # Parameters

    emissions, others : (B, L, T) float64, 0 at padding.
    lengths : number of positions of both sequences of each pair, (B,) long, 0 or more.
    starts, transitions, ends : see `log_partition`.

    # Returns

    Mean of both directions of the Kullback-Leibler divergence in nats, (B,) float64.
    """
    result: Tensor = _Divergence.apply(emissions, others, lengths, starts, transitions, ends)
    return result
