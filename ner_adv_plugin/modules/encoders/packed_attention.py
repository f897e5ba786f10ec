"""Attention over sequences that stand one after the other, without padding between them.

Whatever an encoder does to each token by itself, which is nearly all of it, then sees real tokens only. In training,
attention brings sequences of similar length side by side, by the copy that splits states into heads anyway; in prediction,
where most neighbours are equally long, it takes them as they stand.

Shape suffixes: N tokens of all sequences, A heads, S size of a head; B sequences of a group, L tokens of its longest; T lines of
all groups, which are B x A x L each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

from ner_adv_plugin.modules.dropout import kept
from ner_adv_plugin.modules.encoders.windows import length_groups

# The name by which transformers knows it.
NAME = "packed"
# What one more group costs, in padded tokens.
GROUP_OVERHEAD = 48
# Numbers that torch's attention computes at once, at most, on any CPU.
LANES = 16


@dataclass(frozen=True)
class _Group:
    """Sequences that attend side by side.

    # Parameters

    lines : which of the T lines are theirs.
    scores : which of all scores are.
    shape : B, A and L.
    bias : -inf where a sequence has no token, (B, 1, 1, L); None where all are equally long.
    """

    lines: slice
    scores: slice
    shape: tuple[int, int, int]
    bias: Tensor | None

    def of(self, lines_TS: Tensor) -> Tensor:
        """Their lines, (B x A, L, S)."""
        sequences, heads, length = self.shape
        return lines_TS[self.lines].view(sequences * heads, length, -1)

    def square(self, scores: Tensor) -> Tensor:
        """Their part of all scores, (B x A, L, L)."""
        sequences, heads, length = self.shape
        return scores[self.scores].view(sequences * heads, length, length)


class Packing:
    """Sequences that stand one after the other.

    # Parameters

    lengths : tokens of every sequence, longest first.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = list(lengths)
        self._sides: dict[int, SideBySide] = {}

    def side_by_side(self, heads: int) -> "SideBySide":
        """The same for all layers of as many heads."""
        if heads not in self._sides:
            self._sides[heads] = SideBySide(self.lengths, heads)
        return self._sides[heads]

    @cached_property
    def runs(self) -> list[tuple[int, int]]:
        """Sequences and tokens a sequence of neighbours that are equally long, in order."""
        return [(len(list(own)), length) for length, own in groupby(self.lengths)]


class SideBySide:
    """Where the tokens of sequences go when they attend, padded to the longest of a few.

    # Parameters

    lengths : tokens of every sequence, longest first.
    heads : A.
    """

    def __init__(self, lengths: Sequence[int], heads: int) -> None:
        self.heads = heads
        self.groups: list[_Group] = []
        lines, places, empty = [], [], []
        token, line, score = 0, 0, 0
        for first, last in length_groups(lengths, GROUP_OVERHEAD, sum(lengths)):
            length_B = torch.tensor(lengths[first:last])
            length = int(length_B[0])
            real_BL = torch.arange(length) < length_B[:, None]
            token_BL = (real_BL.cumsum(1) + (length_B.cumsum(0) - length_B)[:, None] - 1).where(
                real_BL, 0
            ) + token
            head_A = torch.arange(heads)
            lines.append((token_BL[:, None] * heads + head_A[:, None]).flatten())
            # The line of a sequence's first token under its first head, then those of the other tokens and heads.
            start_B = torch.arange(last - first) * heads * length + line
            place_BLA = start_B[:, None, None] + torch.arange(length)[:, None] + head_A * length
            places.append(place_BLA[real_BL].flatten())
            empty.append(place_BLA[~real_BL].flatten())
            padded = bool(length_B[-1] < length)
            bias = (
                torch.zeros(real_BL.shape).masked_fill_(~real_BL, float("-inf"))[:, None, None]
                if padded
                else None
            )
            ends = (
                line + (last - first) * heads * length,
                score + (last - first) * heads * length * length,
            )
            shape = (last - first, heads, length)
            self.groups.append(_Group(slice(line, ends[0]), slice(score, ends[1]), shape, bias))
            token, (line, score) = token + int(length_B.sum()), ends
        self.line_T, self.place_M, self.empty = (
            torch.cat(lines),
            torch.cat(places),
            torch.cat(empty),
        )

    def spread(self, states: Tensor) -> Tensor:
        """Lines of states (1, A, N, S) of tokens in order, (T, S); beyond a sequence's end are some token's."""
        lines: Tensor = (
            states.transpose(1, 2).reshape(-1, states.shape[-1]).index_select(0, self.line_T)
        )
        return lines

    def gather(self, lines_TS: Tensor) -> Tensor:
        """The opposite, (1, N, A, S)."""
        return lines_TS.index_select(0, self.place_M).view(1, -1, self.heads, lines_TS.shape[-1])


def packed_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    packing: Packing | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it, of every token to its own sequence; states (1, N, A, S).

    Without a packing, which says where sequences begin, it is torch's own.

    # Parameters

    query, key, value : (1, A, N, S).
    packing : of the sequences.
    """
    if packing is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, **settings
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if dropout or (
        torch.is_grad_enabled() and any(states.requires_grad for states in (query, key, value))
    ):
        states: Tensor = _Attention.apply(
            query, key, value, packing.side_by_side(query.shape[1]), scale, dropout
        )
        return states, None
    starts = accumulate((sequences * length for sequences, length in packing.runs), initial=0)
    found = [
        _attended(run, start, query, key, value, scale)
        for run, start in zip(packing.runs, starts, strict=False)
    ]
    return torch.cat(found, 1), None


def _attended(
    run: tuple[int, int], start: int, query: Tensor, key: Tensor, value: Tensor, scale: float
) -> Tensor:
    """States (1, N, A, S) of sequences equally long, of which the first begins at token `start`."""
    sequences, length = run
    q = query[0, :, start : start + sequences * length].unflatten(1, run).transpose(0, 1)
    # Keys beyond a full group of lanes take torch's kernel up to twice as long: there a sequence sees its neighbour's,
    # masked, where it has one.
    seen, mask = length + -length % LANES, None
    if start + (sequences - 1) * length + seen > query.shape[2]:
        seen = length
    elif seen > length:
        mask = (torch.arange(seen) < length)[None, None, None]
    k, v = (
        states[0, :, start:].unfold(1, seen, length)[:, :sequences].permute(1, 0, 3, 2)
        for states in (key, value)
    )
    states = scaled_dot_product_attention(q, k, v, mask, scale=scale)
    return states.transpose(1, 2).flatten(0, 1)[None]


def attend_packed(transformer: Any) -> None:
    """Make a transformer of transformers' attend by `packed_attention`."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(NAME, packed_attention)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, sdpa_mask)
    transformer.set_attn_implementation(NAME)


class _Attention(torch.autograd.Function):
    """softmax(scale Q K^T) V with dropout on the softmax; it passes over the scores as seldom as can be."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        sides: SideBySide,
        scale: float,
        dropout: float,
    ) -> Tensor:
        q, k, v = (sides.spread(states) for states in (query, key, value))
        shares = q.new_empty(
            sides.groups[-1].scores.stop, dtype=torch.promote_types(q.dtype, torch.float32)
        )
        with torch.autocast("cpu", enabled=False):
            for group in sides.groups:
                share = group.square(shares)
                if q.dtype == shares.dtype:
                    share.baddbmm_(group.of(q), group.of(k).transpose(1, 2), beta=0, alpha=scale)
                else:
                    share.copy_(torch.bmm(group.of(q), group.of(k).transpose(1, 2))).mul_(scale)
                if group.bias is not None:
                    share.view(*group.shape, -1).add_(group.bias)
                # In its own place: it takes one sequence of scores after the other.
                torch.softmax(share, -1, out=share)
            factors = kept(len(shares), dropout).to(shares.dtype) if dropout else None
            used = (shares if factors is None else shares * factors).to(q.dtype)
            found = torch.empty_like(v)
            for group in sides.groups:
                torch.bmm(group.square(used), group.of(v), out=group.of(found))
        ctx.sides, ctx.scale = sides, scale
        ctx.save_for_backward(q, k, v, shares, factors, used)
        return sides.gather(found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        sides, (q, k, v, shares, factors, used) = ctx.sides, ctx.saved_tensors
        found = sides.spread(gradient.transpose(1, 2))
        found.index_fill_(0, sides.empty, 0)
        by_q, by_k, by_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        for group in sides.groups:
            torch.bmm(group.square(used).transpose(1, 2), group.of(found), out=group.of(by_v))
            by_used = torch.bmm(group.of(found), group.of(v).transpose(1, 2)).to(shares.dtype)
            if factors is not None:
                by_used *= group.square(factors)
            by_score = torch._softmax_backward_data(
                by_used, group.square(shares), -1, shares.dtype
            ).to(q.dtype)
            group.of(by_q).baddbmm_(by_score, group.of(k), beta=0, alpha=ctx.scale)
            group.of(by_k).baddbmm_(by_score.transpose(1, 2), group.of(q), beta=0, alpha=ctx.scale)
        return (
            *(sides.gather(lines).transpose(1, 2) for lines in (by_q, by_k, by_v)),
            None,
            None,
            None,
        )
