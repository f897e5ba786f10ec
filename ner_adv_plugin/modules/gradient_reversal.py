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
    """Return the states unchanged; in the backward pass multiply the gradient by -scale.

    # Parameters

    states : tensor of any shape.
    scale : lambda of the paper; 0 stops the gradient.

    # Examples

    >>> import torch
    >>> states = torch.ones(2, requires_grad=True)
    >>> reverse_gradient(states, scale=0.5).sum().backward()
    >>> states.grad
    tensor([-0.5000, -0.5000])
    """
    reversed_states: Tensor = _Reverse.apply(states, scale)
    return reversed_states
