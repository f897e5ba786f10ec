"""Learning-rate schedulers of torch and transformers under their AllenNLP names.

Each is a function: its signature gives the config keys, its docstring their meaning.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau
from transformers.optimization import (
    get_constant_schedule,
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
    get_polynomial_decay_schedule_with_warmup,
)

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.training.optimization import table

# This package's key for the warm-up, and those of AllenNLP.
WARMUP = ("warmup", "warmup_steps", "num_warmup_steps")

Schedule: TypeAlias = Callable[..., LRScheduler]


class LearningRateScheduler(Registrable):
    """Sets the learning rates during training by a scheduler of torch.

        learning_rate_scheduler: { type: 'linear_with_warmup', warmup: 0.1 }

    # Parameters

    scheduler : scheduler of torch.
    every_batch : step after every optimizer step instead of after every epoch.
    """

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any], path: str) -> None:
        """Raise `ConfigurationError` if the warm-up is given twice or is negative.

        # Parameters

        settings : of the scheduler.
        path : their config path.
        """
        given = [key for key in settings if key in WARMUP and settings[key] is not None]
        if len(given) > 1:
            message = f"{' and '.join(given)} say the same: give one"
            raise ConfigurationError(message, f"{path}.{given[1]}".lstrip("."))

        for key in given:
            if settings[key] < 0:
                message = f"expected 0 or more, found {settings[key]}"
                raise ConfigurationError(message, f"{path}.{key}".lstrip("."))

    def __init__(self, scheduler: LRScheduler, every_batch: bool) -> None:
        self.scheduler = scheduler
        self.every_batch = every_batch

    def step_batch(self) -> None:
        """Update the learning rates after an optimizer step."""
        if self.every_batch:
            self.scheduler.step()

    def step_epoch(self, metric: float | None) -> None:
        """Update the learning rates after an epoch.

        # Parameters

        metric : the validation metric; None if it was not measured.
        """
        if self.every_batch:
            return

        if not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
        elif metric is not None:
            self.scheduler.step(metric)

    def state_dict(self) -> dict[str, Any]:
        """Return the state that an exact resume needs, in plain types."""
        state = self.scheduler.state_dict()
        # LambdaLR lists its functions, as None: they are rebuilt from the config.
        return {key: value for key, value in state.items() if key != "lr_lambdas"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        own = self.scheduler.state_dict()
        lambdas = {"lr_lambdas": own["lr_lambdas"]} if "lr_lambdas" in own else {}
        self.scheduler.load_state_dict({**state, **lambdas})


LazyScheduler: TypeAlias = Annotated[
    Lazy[LearningRateScheduler], Supplied("optimizer", "num_epochs", "num_training_steps")
]


def _entry(name: str, every_batch: bool) -> Callable[[Schedule], Schedule]:
    """Register a function that makes a scheduler of torch."""

    def register(schedule: Schedule) -> Schedule:
        def construct(self: LearningRateScheduler, **settings: Any) -> None:
            LearningRateScheduler.__init__(self, schedule(**settings), every_batch)

        parameters = inspect.signature(schedule).parameters.values()
        docstring = inspect.getdoc(schedule)
        table.register(LearningRateScheduler, name, parameters, docstring, construct)
        return schedule

    return register


@_entry("constant", every_batch=True)
def constant(optimizer: Optimizer) -> LRScheduler:
    """Constant learning rate.

    # Parameters

    optimizer : supplied.
    """
    return get_constant_schedule(optimizer)


@_entry("constant_with_warmup", every_batch=True)
def constant_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    num_warmup_steps: int | None = None,
) -> LRScheduler:
    """Linear warm-up from 0, then a constant learning rate.

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a share of all optimizer steps, else their number.
    num_warmup_steps : number of warm-up steps; a tenth of all if neither key is given.
    """
    steps = _warmup_steps(warmup, num_warmup_steps, num_training_steps)
    return get_constant_schedule_with_warmup(optimizer, steps)


@_entry("cosine_with_warmup", every_batch=True)
def cosine_with_warmup(
    optimizer: Optimizer,
    num_training_steps: int,
    warmup: float | None = None,
    num_warmup_steps: int | None = None,
    num_cycles: float = 0.5,
) -> LRScheduler:
    """Linear warm-up from 0, then cosine decay.

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a share of all optimizer steps, else their number.
    num_warmup_steps : number of warm-up steps; a tenth of all if neither key is given.
    num_cycles : periods of the cosine; 0.5 decays to 0 at the last step.
    """
    steps = _warmup_steps(warmup, num_warmup_steps, num_training_steps)
    return get_cosine_schedule_with_warmup(optimizer, steps, num_training_steps, num_cycles)


@_entry("exponential", every_batch=False)
def exponential(optimizer: Optimizer, gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after every epoch.

    # Parameters

    optimizer : supplied.
    gamma : factor on the learning rate.
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

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : length of the warm-up: below 1 a share of all optimizer steps, else their number.
    warmup_steps : number of warm-up steps; a tenth of all if neither key is given.
    """
    steps = _warmup_steps(warmup, warmup_steps, num_training_steps)
    return get_linear_schedule_with_warmup(optimizer, steps, num_training_steps)


@_entry("multi_step", every_batch=False)
def multi_step(optimizer: Optimizer, milestones: list[int], gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` at given epochs.

    # Parameters

    optimizer : supplied.
    milestones : epochs, in increasing order.
    gamma : factor on the learning rate.
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

    # Parameters

    optimizer : supplied.
    model_size : size of the model's states; the learning rate is divided by its square root.
    warmup_steps : number of warm-up steps.
    factor : factor on the learning rate.
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

    # Parameters

    optimizer, num_training_steps : supplied.
    power : exponent of the remaining share of steps.
    warmup : length of the warm-up: below 1 a share of all optimizer steps, else their number.
    warmup_steps : number of warm-up steps; 0 if neither key is given.
    end_learning_rate : learning rate at the last step.
    """
    steps = _warmup_steps(warmup, warmup_steps, num_training_steps, default=0.0)
    return get_polynomial_decay_schedule_with_warmup(
        optimizer,
        num_warmup_steps=steps,
        num_training_steps=num_training_steps,
        lr_end=end_learning_rate,
        power=power,
    )


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
    """Multiply the learning rate by `factor` if the validation metric has stopped improving.

    # Parameters

    optimizer : supplied.
    mode : "max" if a higher metric is better, "min" if a lower one is; as in `validation_metric`.
    factor : factor on the learning rate.
    patience : epochs without improvement before the learning rate is reduced.
    threshold_mode : whether `threshold` is relative to the best value ("rel") or absolute ("abs").
    threshold : smallest change that counts as an improvement.
    cooldown : epochs after a reduction before `patience` counts again.
    min_lr : lower bound of the learning rate; one for all parameter groups, or one for each.
    eps : smallest reduction that is made.
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
    """Linear increase over a share of the steps, then linear decay (Howard & Ruder 2018, eq. 3).

    # Parameters

    optimizer, num_training_steps : supplied.
    cut_frac : share of steps with an increasing learning rate.
    ratio : highest learning rate over the lowest.
    """
    cut = max(1, int(num_training_steps * cut_frac))
    decay_steps = max(1, num_training_steps - cut)

    def scale(step: int) -> float:
        share = step / cut if step < cut else 1 - (step - cut) / decay_steps
        return (1 + max(share, 0.0) * (ratio - 1)) / ratio

    return LambdaLR(optimizer, scale)


@_entry("step", every_batch=False)
def step(optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> LRScheduler:
    """Multiply the learning rate by `gamma` after every `step_size` epochs.

    # Parameters

    optimizer : supplied.
    step_size : number of epochs.
    gamma : factor on the learning rate.
    """
    return lr_scheduler.StepLR(optimizer, step_size, gamma)


def _warmup_steps(
    warmup: float | None,
    steps: int | None,
    num_training_steps: int,
    default: float = 0.1,
) -> int:
    """Return the number of warm-up steps.

    # Parameters

    warmup : below 1 a share of all steps, else their number.
    steps : their number.
    num_training_steps : number of all steps.
    default : value of `warmup` if neither is given.
    """
    if steps is not None:
        return steps

    warmup = default if warmup is None else warmup
    return round(warmup * num_training_steps) if warmup < 1 else int(warmup)
