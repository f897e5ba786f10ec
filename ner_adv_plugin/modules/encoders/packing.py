"""Layout of concatenated sequences for attention, in padded groups of similar length.

Shape suffixes: N tokens of all sequences, A heads, S size of a head; B sequences of a group, L
tokens of its longest sequence; T vectors of all groups, B x A x L per group; M vectors without
padding, N x A.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import torch
from torch import Tensor

from ner_adv_plugin.data.windows import length_groups

# Fixed cost of a group, in padded tokens.
GROUP_OVERHEAD = 48


@dataclass(frozen=True)
class Group:
    """Sequences whose attention is computed together.

    # Parameters

    vectors : which of the T vectors belong to the group.
    scores : which of all scores belong to the group.
    shape : B, A and L.
    bias : -inf at padding, otherwise 0, (B, 1, 1, L); None if all sequences have equal length.
    """

    vectors: slice
    scores: slice
    shape: tuple[int, int, int]
    bias: Tensor | None

    def of(self, vectors_TS: Tensor) -> Tensor:
        """View of the group's vectors, (B x A, L, S)."""
        sequences, heads, length = self.shape
        return vectors_TS[self.vectors].view(sequences * heads, length, -1)

    def blocks(self, most: int) -> Iterator[slice]:
        """Cut the B x A matrices of scores into blocks of about `most` scores."""
        sequences, heads, length = self.shape
        size = max(1, most // length**2)
        for first in range(0, sequences * heads, size):
            yield slice(first, min(first + size, sequences * heads))

    def square(self, scores: Tensor) -> Tensor:
        """View of the group's scores, (B x A, L, L)."""
        sequences, heads, length = self.shape
        return scores[self.scores].view(sequences * heads, length, length)


class Packing:
    """Lengths of concatenated sequences, with what attention derives from them.

    # Parameters

    lengths : number of tokens of each sequence, descending.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = list(lengths)
        self._layouts: dict[int, GroupLayout] = {}

    def layout(self, heads: int) -> "GroupLayout":
        """Return the padded layout, computed once for all layers with this number of heads."""
        if heads not in self._layouts:
            self._layouts[heads] = GroupLayout(self.lengths, heads)
        return self._layouts[heads]

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """Runs of sequences of equal length: (number of sequences, length) of each, in order."""
        return [(len(list(run)), length) for length, run in groupby(self.lengths)]


class GroupLayout:
    """Padded layout of concatenated sequences in groups of similar length.

    # Parameters

    lengths : number of tokens of each sequence, descending.
    heads : number of attention heads, A.
    """

    def __init__(self, lengths: Sequence[int], heads: int) -> None:
        self.heads = heads
        self.groups: list[Group] = []
        sources, targets, padding = [], [], []
        token, vector, score = 0, 0, 0
        for first, last in length_groups(lengths, GROUP_OVERHEAD, sum(lengths)):
            length_B = torch.tensor(lengths[first:last])
            length = int(length_B[0])
            real_BL = torch.arange(length) < length_B[:, None]
            token_BL = (real_BL.cumsum(1) + (length_B.cumsum(0) - length_B)[:, None] - 1).where(
                real_BL, 0
            ) + token
            head_A = torch.arange(heads)
            sources.append((token_BL[:, None] * heads + head_A[:, None]).flatten())

            # Index of the first token and head of each sequence, then of its other tokens and
            # heads.
            start_B = torch.arange(last - first) * heads * length + vector
            target_BLA = start_B[:, None, None] + torch.arange(length)[:, None] + head_A * length
            targets.append(target_BLA[real_BL].flatten())
            padding.append(target_BLA[~real_BL].flatten())

            bias = None
            if length_B[-1] < length:
                bias = torch.zeros(real_BL.shape).masked_fill_(~real_BL, float("-inf"))
                bias = bias[:, None, None]
            vector_end = vector + (last - first) * heads * length
            score_end = score + (last - first) * heads * length * length
            shape = (last - first, heads, length)
            self.groups.append(
                Group(slice(vector, vector_end), slice(score, score_end), shape, bias)
            )
            token += int(length_B.sum())
            vector, score = vector_end, score_end

        self.source_T = torch.cat(sources)
        self.target_M = torch.cat(targets)
        self.padding = torch.cat(padding)

    def spread(self, states: Tensor) -> Tensor:
        """Copy states (1, A, N, S) to the padded layout, (T, S).

        Padding has the values of some token.
        """
        vectors_TS: Tensor = (
            states.transpose(1, 2).reshape(-1, states.shape[-1]).index_select(0, self.source_T)
        )
        return vectors_TS

    def gather(self, vectors_TS: Tensor) -> Tensor:
        """Copy vectors (T, S) back to states, (1, N, A, S)."""
        return vectors_TS.index_select(0, self.target_M).view(
            1, -1, self.heads, vectors_TS.shape[-1]
        )
