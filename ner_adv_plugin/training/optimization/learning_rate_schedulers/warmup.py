"""Warm-up of the learning rate: its length, and schedules that start with one."""

from collections.abc import Callable, Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import WARMUP


def after_warmup(
    optimizer: Optimizer, warmup_steps: int, steps: int, scale: Callable[[float], float]
) -> LambdaLR:
    """Return a schedule with a linear warm-up from 0.

    # Parameters

    warmup_steps : number of steps of the warm-up.
    steps : number of all steps.
    scale : the factor on the learning rate, given the finished share of the steps after the
        warm-up. It is at least 0.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return step / warmup_steps
        return max(0.0, scale((step - warmup_steps) / max(1, steps - warmup_steps)))

    return LambdaLR(optimizer, factor)


def warmup_length(
    warmup: float | None,
    steps: int | None,
    num_training_steps: int,
    default: float = 0.1,
) -> int:
    """Return the number of warm-up steps.

    # Parameters

    warmup : below 1 a fraction of all steps, otherwise a number of steps.
    steps : number of warm-up steps; it takes precedence.
    num_training_steps : number of all steps.
    default : value of `warmup` if neither is set.
    """
    if steps is not None:
        return steps

    warmup = default if warmup is None else warmup
    return round(warmup * num_training_steps) if warmup < 1 else int(warmup)


def warmup_is_fixed(settings: Mapping[str, Any]) -> bool:
    """Return whether the warm-up is a number of steps, not a fraction of all steps."""
    return any(settings.get(key) is not None for key in WARMUP[1:]) or (
        settings.get("warmup") is not None and (settings["warmup"] >= 1 or settings["warmup"] == 0)
    )
