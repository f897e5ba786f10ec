"""Torch's optimizers without its compiler, whose import takes most of a second.

The methods of torch's optimizers import the compiler to tell it to leave them alone. Nothing is
compiled here, so that they can be called directly. Methods that a version of torch wraps in another
way are called as they are.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch

# Name of the wrapper of `step`, and of the attribute in which the other wrapper keeps its result.
STEP_WRAPPER = "_use_grad"
CACHE = "__dynamo_disable"
METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def import_no_compiler() -> None:
    """Make the methods of optimizers other than `step` call what they wrap."""
    if "torch._dynamo" in sys.modules:
        return
    for name in METHODS:
        wrapped = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if wrapped is not None and not hasattr(wrapped, CACHE):
            setattr(wrapped, CACHE, wrapped)


def eager_step(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function inside an optimizer's `step`, which must be called without gradients.

    # Parameters

    step : the method of the class, as a function.
    """
    inner: Any = step
    while inner is not None:
        if getattr(inner, "__name__", "") and inner.__code__.co_name == STEP_WRAPPER:
            found: Callable[..., Any] = inner.__wrapped__
            return found
        inner = getattr(inner, "__wrapped__", None)
    return step
