"""Checks of the tensors that a conditional random field is called with."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_tensor(name: str, tensor: Tensor, dtype: torch.dtype, shape: Sequence[int]) -> None:
    """Check type and shape of a tensor.

    # Parameters

    name : name of the argument.
    tensor : its value.
    dtype, shape : what is expected.

    # Raises

    ValueError : the tensor has another type or shape.

    # Examples

    >>> check_tensor("mask", torch.ones(2, 3), torch.bool, (2, 3))
    Traceback (most recent call last):
    ...
    ValueError: mask must be bool of shape (2, 3), got torch.float32 (2, 3)
    """
    if tensor.shape != tuple(shape) or tensor.dtype != dtype:
        expected = str(dtype).removeprefix("torch.")
        raise ValueError(
            f"{name} must be {expected} of shape {tuple(shape)}, got {tensor.dtype}"
            f" {tuple(tensor.shape)}"
        )
