"""Learning-rate schedulers, registered under AllenNLP's names.

Each is a function that makes a scheduler of torch: its signature defines the config keys, its
docstring describes them.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from ner_adv_plugin.training.optimization import table
from ner_adv_plugin.training.optimization.learning_rate_scheduler import (
    WARMUP,
    LearningRateScheduler,
)

Schedule: TypeAlias = Callable[..., LRScheduler]


def _entry(
    name: str, every_batch: bool, only_warmup: bool = False
) -> Callable[[Schedule], Schedule]:
    """Return a decorator that registers a function as a learning-rate scheduler.

    # Parameters

    name : registered name.
    every_batch : see `LearningRateScheduler`.
    only_warmup : the length of the run affects only the number of warm-up steps.
    """

    def register(schedule: Schedule) -> Schedule:
        def construct(self: LearningRateScheduler, **settings: Any) -> None:
            fixed = only_warmup and _warmup_is_fixed(settings)
            depends = False if fixed else None
            LearningRateScheduler.__init__(self, schedule(**settings), every_batch, depends)

        signature = inspect.signature(schedule).parameters.values()
        docstring = inspect.getdoc(schedule)
        table.register(LearningRateScheduler, name, signature, docstring, construct)
        return schedule

    return register


@_entry("constant", every_batch=True)
def constant(optimizer: Optimizer) -> LRScheduler:
    """Constant learning rate.

    Registered as "constant".

    # Parameters

    optimizer : supplied.

    # Example

    ```jsonnet
    { type: 'constant' }
    ```
    """
    return LambdaLR(optimizer, lambda step: 1.0)


@_entry("constant_with_warmup", every_batch=True, only_warmup=True)
def constant_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    num_warmup_steps: int | None = None,
) -> LRScheduler:
    """Linear warm-up from 0, then a constant learning rate.

    Registered as "constant_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    num_warmup_steps : number of warm-up steps; a tenth of all steps if neither key is set.

    # Example

    ```jsonnet
    { type: 'constant_with_warmup', warmup: 0.1 }
    ```
    """
    steps = _warmup_steps(warmup, num_warmup_steps, num_training_steps)
    return _after_warmup(optimizer, steps, num_training_steps, lambda progress: 1.0)


@_entry("cosine_with_warmup", every_batch=True)
def cosine_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    num_warmup_steps: int | None = None,
    num_cycles: float = 0.5,
) -> LRScheduler:
    """Linear warm-up from 0, then cosine decay.

    Registered as "cosine_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    num_warmup_steps : number of warm-up steps; a tenth of all steps if neither key is set.
    num_cycles : periods of the cosine; 0.5 decays to 0 at the last step.

    # Example

    ```jsonnet
    { type: 'cosine_with_warmup', warmup: 0.1 }
    ```
    """
    steps = _warmup_steps(warmup, num_warmup_steps, num_training_steps)

    def scale(progress: float) -> float:
        return 0.5 * (1.0 + math.cos(2 * math.pi * num_cycles * progress))

    return _after_warmup(optimizer, steps, num_training_steps, scale)


@_entry("exponential", every_batch=False)
def exponential(optimizer: Optimizer, gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after every epoch.

    Registered as "exponential".

    # Parameters

    optimizer : supplied.
    gamma : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'exponential', gamma: 0.9 }
    ```
    """
    return lr_scheduler.ExponentialLR(optimizer, gamma)


@_entry("linear_with_warmup", every_batch=True)
def linear_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    warmup_steps: int | None = None,
) -> LRScheduler:
    """Linear warm-up from 0, then linear decay to 0 at the last step.

    Registered as "linear_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    warmup_steps : number of warm-up steps; a tenth of all steps if neither key is set.

    # Example

    ```jsonnet
    { type: 'linear_with_warmup', warmup: 0.1 }
    ```
    """
    steps = _warmup_steps(warmup, warmup_steps, num_training_steps)
    return _after_warmup(optimizer, steps, num_training_steps, lambda progress: 1.0 - progress)


@_entry("multi_step", every_batch=False)
def multi_step(optimizer: Optimizer, milestones: list[int], gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after each epoch in `milestones`.

    Registered as "multi_step".

    # Parameters

    optimizer : supplied.
    milestones : numbers of finished epochs, in increasing order.
    gamma : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'multi_step', milestones: [5, 8], gamma: 0.1 }
    ```
    """
    return lr_scheduler.MultiStepLR(optimizer, milestones, gamma)


@_entry("noam", every_batch=True)
def noam(
    optimizer: Optimizer,
    model_size: int,
    warmup_steps: int,
    factor: float = 1.0,
) -> LRScheduler:
    """Linear warm-up, then inverse square root decay (Vaswani et al. 2017, section 5.3).

    Registered as "noam".

    # Parameters

    optimizer : supplied.
    model_size : size of the model's states; the learning rate is divided by its square root.
    warmup_steps : number of warm-up steps.
    factor : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'noam', model_size: 768, warmup_steps: 1000 }
    ```
    """

    def scale(step: int) -> float:
        step = max(step, 1)
        return float(factor * model_size**-0.5 * min(step**-0.5, step * warmup_steps**-1.5))

    return LambdaLR(optimizer, scale)


@_entry("polynomial_decay", every_batch=True)
def polynomial_decay(
    optimizer: Optimizer,
    num_training_steps: int,
    power: float = 1.0,
    warmup: float | None = None,
    warmup_steps: int | None = None,
    end_learning_rate: float = 0.0,
) -> LRScheduler:
    """Linear warm-up from 0, then polynomial decay to `end_learning_rate` at the last step.

    Registered as "polynomial_decay".

    # Parameters

    optimizer, num_training_steps : supplied.
    power : exponent of the remaining fraction of the steps.
    warmup : length of the warm-up: below 1 a fraction of all optimizer steps, otherwise a number
        of steps.
    warmup_steps : number of warm-up steps; 0 if neither key is set.
    end_learning_rate : learning rate at the last step.

    # Example

    ```jsonnet
    { type: 'polynomial_decay', power: 2.0, warmup: 500 }
    ```
    """
    steps = _warmup_steps(warmup, warmup_steps, num_training_steps, default=0.0)
    highest = optimizer.defaults["lr"]

    def scale(progress: float) -> float:
        decayed = (highest - end_learning_rate) * (1.0 - min(progress, 1.0)) ** power
        return float((decayed + end_learning_rate) / highest)

    return _after_warmup(optimizer, steps, num_training_steps, scale)


@_entry("reduce_on_plateau", every_batch=False)
def reduce_on_plateau(
    optimizer: Optimizer,
    mode: Literal["min", "max"] = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold_mode: Literal["rel", "abs"] = "rel",
    threshold: float = 1e-4,
    cooldown: int = 0,
    min_lr: float | list[float] = 0.0,
    eps: float = 1e-8,
) -> LRScheduler:
    """Multiply the learning rate by `factor` when the validation metric stops improving.

    Registered as "reduce_on_plateau".

    # Parameters

    optimizer : supplied.
    mode : "max" if a higher metric is better, "min" if a lower one is; it must agree with the sign
        of `validation_metric`.
    factor : factor on the learning rate.
    patience : epochs without improvement before the learning rate is reduced.
    threshold_mode : whether `threshold` is relative to the best value ("rel") or absolute ("abs").
    threshold : smallest change that counts as an improvement.
    cooldown : epochs after a reduction before `patience` counts again.
    min_lr : lower bound of the learning rate; one for all parameter groups, or one for each.
    eps : minimum change of the learning rate; smaller reductions are skipped.

    # Example

    ```jsonnet
    { type: 'reduce_on_plateau', mode: 'max', factor: 0.5, patience: 2 }
    ```
    """
    return ReduceLROnPlateau(
        optimizer,
        mode=mode,
        factor=factor,
        patience=patience,
        threshold=threshold,
        threshold_mode=threshold_mode,
        cooldown=cooldown,
        min_lr=min_lr,
        eps=eps,
    )


@_entry("slanted_triangular", every_batch=True)
def slanted_triangular(
    optimizer: Optimizer,
    num_training_steps: int,
    cut_frac: float = 0.1,
    ratio: float = 32,
) -> LRScheduler:
    """Linear increase over a fraction of the steps, then linear decay (Howard & Ruder 2018, eq. 3).

    Registered as "slanted_triangular".

    # Parameters

    optimizer, num_training_steps : supplied.
    cut_frac : fraction of the steps with an increasing learning rate.
    ratio : highest learning rate divided by the lowest.

    # Example

    ```jsonnet
    { type: 'slanted_triangular', cut_frac: 0.1, ratio: 32 }
    ```
    """
    cut = max(1, int(num_training_steps * cut_frac))
    decay_steps = max(1, num_training_steps - cut)

    def scale(step: int) -> float:
        height = step / cut if step < cut else 1 - (step - cut) / decay_steps
        return (1 + max(height, 0.0) * (ratio - 1)) / ratio

    return LambdaLR(optimizer, scale)


@_entry("step", every_batch=False)
def step(optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after every `step_size` epochs.

    Registered as "step".

    # Parameters

    optimizer : supplied.
    step_size : number of epochs.
    gamma : factor on the learning rate.

    # Example

    ```jsonnet
    { type: 'step', step_size: 3, gamma: 0.5 }
    ```
    """
    return lr_scheduler.StepLR(optimizer, step_size, gamma)


def _after_warmup(
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


def _warmup_steps(
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


def _warmup_is_fixed(settings: Mapping[str, Any]) -> bool:
    """Return whether the warm-up is a number of steps, not a fraction of all steps."""
    return any(settings.get(key) is not None for key in WARMUP[1:]) or (
        settings.get("warmup") is not None and (settings["warmup"] >= 1 or settings["warmup"] == 0)
    )
