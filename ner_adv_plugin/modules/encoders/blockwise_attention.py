"""Attention of long sequences that does not keep the scores for the backward pass.

Scores are computed block by block, and once more in the backward pass. Results are those of
`packed_attention` up to rounding, with the same dropout masks.

Shape suffixes: see `packing`; K matrices of scores in a block.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ner_adv_plugin.modules.dropout import FactorStream, draw_seed
from ner_adv_plugin.modules.encoders.packing import Group, GroupLayout

# Scores of a block, which has one matrix of scores at least.
BLOCK = 1 << 22


class BlockwiseAttention(torch.autograd.Function):
    """softmax(scale Q K^T) V with dropout on the softmax."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        layout: GroupLayout,
        scale: float,
        dropout: float,
    ) -> Tensor:
        """Compute the states, (1, N, A, S); see `packed_attention`."""
        q, k, v = (layout.spread(states) for states in (query, key, value))
        seed = draw_seed() if dropout else None
        attended = torch.empty_like(v)
        for group, block, weights, factors in _blocks(layout, q, k, scale, dropout, seed):
            used = (weights if factors is None else weights * factors).to(q.dtype)
            torch.bmm(used, group.of(v)[block], out=group.of(attended)[block])

        ctx.layout, ctx.scale, ctx.dropout, ctx.seed = layout, scale, dropout, seed
        ctx.save_for_backward(q, k, v)
        return layout.gather(attended)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients of query, key and value."""
        layout, scale = ctx.layout, ctx.scale
        q, k, v = ctx.saved_tensors
        grad = layout.spread(gradient.transpose(1, 2))
        grad.index_fill_(0, layout.padding, 0)

        grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        for group, block, weights, factors in _blocks(layout, q, k, scale, ctx.dropout, ctx.seed):
            used = (weights if factors is None else weights * factors).to(q.dtype)
            own = group.of(grad)[block]
            torch.bmm(used.transpose(1, 2), own, out=group.of(grad_v)[block])
            grad_used = torch.bmm(own, group.of(v)[block].transpose(1, 2)).to(weights.dtype)
            if factors is not None:
                grad_used *= factors
            grad_score = torch._softmax_backward_data(grad_used, weights, -1, weights.dtype)
            grad_score = grad_score.to(q.dtype)
            group.of(grad_q)[block].baddbmm_(grad_score, group.of(k)[block], beta=0, alpha=scale)
            group.of(grad_k)[block].baddbmm_(
                grad_score.transpose(1, 2), group.of(q)[block], beta=0, alpha=scale
            )

        return (
            *(layout.gather(vectors).transpose(1, 2) for vectors in (grad_q, grad_k, grad_v)),
            None,
            None,
            None,
        )


def _blocks(
    layout: GroupLayout, q: Tensor, k: Tensor, scale: float, dropout: float, seed: int | None
) -> Iterator[tuple[Group, slice, Tensor, Tensor | None]]:
    """Yield group, block, softmax and dropout factors of all blocks, the latter two (K, L, L)."""
    dtype = torch.promote_types(q.dtype, torch.float32)
    stream = None if seed is None else FactorStream(seed, dropout)
    for group in layout.groups:
        _, heads, length = group.shape
        for block in group.blocks(BLOCK):
            with torch.autocast("cpu", enabled=False):
                weights = _weights(group, block, q, k, scale, dtype)
            factors = None
            if stream is not None:
                factors = stream.next(weights.numel()).to(dtype).view_as(weights)
            yield group, block, weights, factors


def _weights(
    group: Group, block: slice, q: Tensor, k: Tensor, scale: float, dtype: torch.dtype
) -> Tensor:
    """Softmax of the scores of a block, (K, L, L)."""
    _, heads, length = group.shape
    queries, keys = group.of(q)[block], group.of(k)[block].transpose(1, 2)
    if q.dtype == dtype:
        weights = q.new_empty(len(queries), length, length)
        weights.baddbmm_(queries, keys, beta=0, alpha=scale)
    else:
        weights = torch.bmm(queries, keys).to(dtype).mul_(scale)
    if group.bias is not None:
        # The bias of each matrix is that of its sequence.
        sequence_K = torch.arange(block.start, block.stop) // heads
        weights += group.bias[sequence_K, 0]
    # In place, which is safe: softmax processes one row of scores after another.
    return torch.softmax(weights, -1, out=weights)
