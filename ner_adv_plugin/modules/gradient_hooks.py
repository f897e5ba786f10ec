"""Passes that measure gradients, and hooks on the gradients of states that do not see them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor

_measuring = False


def on_gradient(tensor: Tensor, hook: Callable[[Tensor], None]) -> None:
    """Call a hook with the gradient of a tensor in each backward pass of training.

    # Parameters

    tensor : tensor that requires a gradient.
    hook : called with the gradient; not in passes inside `measuring`.
    """

    def in_training(gradient: Tensor) -> None:
        if not _measuring:
            hook(gradient)

    tensor.register_hook(in_training)


@contextmanager
def measuring() -> Iterator[None]:
    """Context of passes that measure gradients, in addition to those that train."""
    global _measuring
    before, _measuring = _measuring, True
    try:
        yield
    finally:
        _measuring = before


def is_measuring() -> bool:
    """Return whether this is a pass that only measures gradients."""
    return _measuring
