"""Attention over concatenated sequences, without padding between them.

All computations per token, nearly all of an encoder, then process real tokens only. In training,
attention arranges sequences of similar length in padded groups, in the same copy that splits states
into heads. In prediction, most consecutive sequences have equal length, and attention reads them in
place.

Shape suffixes: N tokens of all sequences, A heads, S size of a head; B sequences of a group, L
tokens of its longest sequence; T vectors of all groups, B x A x L per group; M vectors without
padding, N x A.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

from ner_adv_plugin.modules.dropout import dropout_factors
from ner_adv_plugin.modules.encoders.blockwise_attention import BlockwiseAttention
from ner_adv_plugin.modules.encoders.packing import GroupLayout, Packing

# Name under which it is registered with transformers.
NAME = "packed"
# Number of scores from which they are computed again in the backward pass instead of being kept: 32
# sequences of 256 tokens with 8 heads.
MOST_KEPT = 1 << 24
# Largest number of values per vector instruction in torch's attention kernel, on any CPU.
LANES = 16


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
    """Attention function for transformers in which each token attends to its own sequence.

    # Parameters

    module, attention_mask, settings : passed by transformers.
    query, key, value : (1, A, N, S).
    dropout : dropout probability on the attention weights.
    scaling : factor of the scores; 1 / sqrt(S) if None.
    packing : lengths of the concatenated sequences; if None, torch's attention is used.

    # Returns

    States, (1, N, A, S), and None for the attention weights.
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
        layout = packing.layout(query.shape[1])
        keep = layout.groups[-1].scores.stop < MOST_KEPT
        attend: Callable[..., Tensor] = _Attention.apply if keep else BlockwiseAttention.apply
        return attend(query, key, value, layout, scale, dropout), None

    starts = accumulate((sequences * length for sequences, length in packing.runs), initial=0)
    results = [
        _attend_run(run, start, query, key, value, scale)
        for run, start in zip(packing.runs, starts, strict=False)
    ]
    return torch.cat(results, 1), None


def _attend_run(
    run: tuple[int, int], start: int, query: Tensor, key: Tensor, value: Tensor, scale: float
) -> Tensor:
    """Attention within sequences of equal length.

    # Parameters

    run : number and length of the sequences.
    start : index of their first token.
    query, key, value : (1, A, N, S), of all sequences.
    scale : factor of the scores.

    # Returns

    States of the run's tokens, (1, tokens, A, S).
    """
    sequences, length = run
    q = query[0, :, start : start + sequences * length].unflatten(1, run).transpose(0, 1)
    # Torch's kernel takes up to twice as long if the number of keys is not a multiple of the lanes.
    # A sequence therefore also reads keys of the next one, masked, if there is one.
    keys = length + -length % LANES
    mask = None
    if start + (sequences - 1) * length + keys > query.shape[2]:
        keys = length
    elif keys > length:
        mask = (torch.arange(keys) < length)[None, None, None]
    k, v = (
        states[0, :, start:].unfold(1, keys, length)[:, :sequences].permute(1, 0, 3, 2)
        for states in (key, value)
    )
    states = scaled_dot_product_attention(q, k, v, mask, scale=scale)
    return states.transpose(1, 2).flatten(0, 1)[None]


def attend_packed(transformer: Any) -> None:
    """Make a Hugging Face transformer use `packed_attention`."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(NAME, packed_attention)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, sdpa_mask)
    transformer.set_attn_implementation(NAME)


class _Attention(torch.autograd.Function):
    """softmax(scale Q K^T) V with dropout on the softmax, in few passes over the scores."""

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
        q, k, v = (layout.spread(states) for states in (query, key, value))
        weights = q.new_empty(
            layout.groups[-1].scores.stop, dtype=torch.promote_types(q.dtype, torch.float32)
        )
        with torch.autocast("cpu", enabled=False):
            for group in layout.groups:
                group_weights = group.square(weights)
                if q.dtype == weights.dtype:
                    group_weights.baddbmm_(
                        group.of(q), group.of(k).transpose(1, 2), beta=0, alpha=scale
                    )
                else:
                    scores = torch.bmm(group.of(q), group.of(k).transpose(1, 2))
                    group_weights.copy_(scores).mul_(scale)
                if group.bias is not None:
                    group_weights.view(*group.shape, -1).add_(group.bias)
                # In place, which is safe: softmax processes one row of scores after another.
                torch.softmax(group_weights, -1, out=group_weights)

            factors = dropout_factors(len(weights), dropout).to(weights.dtype) if dropout else None
            used = (weights if factors is None else weights * factors).to(q.dtype)
            attended = torch.empty_like(v)
            for group in layout.groups:
                torch.bmm(group.square(used), group.of(v), out=group.of(attended))

        ctx.layout, ctx.scale = layout, scale
        ctx.save_for_backward(q, k, v, weights, factors, used)
        return layout.gather(attended)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        layout = ctx.layout
        q, k, v, weights, factors, used = ctx.saved_tensors
        grad = layout.spread(gradient.transpose(1, 2))
        grad.index_fill_(0, layout.padding, 0)

        grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        for group in layout.groups:
            torch.bmm(group.square(used).transpose(1, 2), group.of(grad), out=group.of(grad_v))
            grad_used = torch.bmm(group.of(grad), group.of(v).transpose(1, 2)).to(weights.dtype)
            if factors is not None:
                grad_used *= group.square(factors)
            grad_score = torch._softmax_backward_data(
                grad_used, group.square(weights), -1, weights.dtype
            ).to(q.dtype)
            group.of(grad_q).baddbmm_(grad_score, group.of(k), beta=0, alpha=ctx.scale)
            group.of(grad_k).baddbmm_(
                grad_score.transpose(1, 2), group.of(q), beta=0, alpha=ctx.scale
            )

        return (
            *(layout.gather(vectors).transpose(1, 2) for vectors in (grad_q, grad_k, grad_v)),
            None,
            None,
            None,
        )
