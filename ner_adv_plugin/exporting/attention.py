"""Multi-head attention in operations that can be traced for any length.

Shape suffixes: B sentences, A heads, L characters, D state size, S size of a head.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear


class TracedAttention(torch.nn.Module):
    """The attention of `torch.nn.MultiheadAttention`, whose own code fixes the length in a trace.

    # Parameters

    attention : the attention, with one size for queries, keys and values.
    """

    def __init__(self, attention: torch.nn.MultiheadAttention) -> None:
        super().__init__()
        self.in_proj_weight = attention.in_proj_weight
        self.in_proj_bias = attention.in_proj_bias
        self.out_proj = attention.out_proj
        self.num_heads = attention.num_heads
        self.batch_first = attention.batch_first

    @staticmethod
    def replaces(module: torch.nn.Module) -> bool:
        """Whether a module is attention that this class computes."""
        return (
            type(module) is torch.nn.MultiheadAttention
            and module._qkv_same_embed_dim
            and module.bias_k is None
            and not module.add_zero_attn
        )

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, None]:
        """Attend; the parameters are those of `torch.nn.MultiheadAttention`.

        # Returns

        The states, and None for the attention weights.
        """
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        weights = self.in_proj_weight.chunk(3)
        query_BALS, key_BALS, value_BALS = (
            self._split(linear(states if self.batch_first else states.transpose(0, 1), *projection))
            for states, *projection in zip((query, key, value), weights, biases, strict=True)
        )
        scores_BALL = query_BALS @ key_BALS.transpose(2, 3) * query_BALS.shape[-1] ** -0.5
        if attn_mask is not None:
            scores_BALL = scores_BALL + _added(attn_mask)
        if key_padding_mask is not None:
            scores_BALL = scores_BALL + _added(key_padding_mask)[:, None, None]

        attended_BLD = (scores_BALL.softmax(-1) @ value_BALS).transpose(1, 2).flatten(2)
        states: Tensor = self.out_proj(attended_BLD)
        return states if self.batch_first else states.transpose(0, 1), None

    def _split(self, states_BLD: Tensor) -> Tensor:
        """Split states into heads, (B, A, L, S)."""
        return states_BLD.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def _added(mask: Tensor) -> Tensor:
    """Return what a mask adds to scores; True forbids."""
    if mask.dtype != torch.bool:
        return mask
    return torch.where(mask, torch.tensor(-torch.inf), torch.tensor(0.0))
