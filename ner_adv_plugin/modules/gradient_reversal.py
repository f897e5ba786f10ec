"""Gradient reversal (Ganin & Lempitsky 2015)."""

from typing import Any

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return states.view_as(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.scale * gradients[0], None


def reverse_gradient(states: Tensor, scale: float) -> Tensor:
    """The states themselves; backward, -scale times the gradient.

    # Parameters

    states : any shape.
    scale : lambda; 0 cuts the gradient off.
    """
    reversed_states: Tensor = _Reverse.apply(states, scale)
    return reversed_states
