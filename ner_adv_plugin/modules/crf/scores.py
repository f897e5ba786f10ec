"""Scores of tag paths.

Shape suffixes: B sequences, L positions, M = L - 1 transitions, T tags.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ner_adv_plugin.modules.crf.partition import ForwardBackward


class Scores(NamedTuple):
    """Scores of a batch in float64, with -inf for forbidden starts, transitions and ends.

    # Parameters

    emissions : (B, L, T), 0 at padding.
    lengths : (B,) long.
    starts : (T,).
    transitions : (T, T), [from, to].
    ends : (T,).
    """

    emissions: Tensor
    lengths: Tensor
    starts: Tensor
    transitions: Tensor
    ends: Tensor


def path_score(scores: Scores, tags_BL: Tensor) -> Tensor:
    """Sum the scores that a tag path uses, (B,)."""
    emissions_BLT, lengths_B, starts_T, transitions_TT, ends_T = scores
    last_B1 = (lengths_B - 1).clamp(min=0).unsqueeze(1)
    inside_BL = torch.arange(tags_BL.shape[1], device=tags_BL.device) < lengths_B.unsqueeze(1)
    tags_BL = tags_BL.masked_fill(~inside_BL, 0)
    pairs_BM = tags_BL[:, :-1] * len(ends_T) + tags_BL[:, 1:]

    # `gather` throughout: its backward pass is a plain scatter, that of tensor indexing sorts.
    local_BL = emissions_BLT.gather(2, tags_BL.unsqueeze(2)).squeeze(2)
    moves_BM = transitions_TT.flatten().gather(0, pairs_BM.flatten()).view_as(pairs_BM)
    outer_B = starts_T.gather(0, tags_BL[:, 0]) + ends_T.gather(
        0, tags_BL.gather(1, last_B1).squeeze(1)
    )
    outer_B = outer_B.masked_fill(lengths_B == 0, 0.0)

    return outer_B + local_BL.sum(1) + moves_BM.masked_fill(~inside_BL[:, 1:], 0.0).sum(1)


def expected_score(scores: Scores, result: ForwardBackward) -> Tensor:
    """Mean of the path score over the distribution of tag paths, (B,)."""
    emissions_BLT, lengths_B, starts_T, transitions_TT, ends_T = scores
    last = (lengths_B - 1).clamp(min=0), torch.arange(len(lengths_B), device=lengths_B.device)

    expected_B = _weighted(result.tags.transpose(0, 1), emissions_BLT).sum((1, 2))
    expected_B += _weighted(result.transitions, transitions_TT).sum((1, 2))
    return (
        expected_B
        + _weighted(result.tags[0], starts_T).sum(1)
        + _weighted(result.tags[last], ends_T).sum(1)
    )


def _weighted(weights: Tensor, scores: Tensor) -> Tensor:
    """Multiply scores by weights; 0 if the weight is 0, even if the score is -inf."""
    return torch.where(weights > 0, weights * scores, 0.0)
