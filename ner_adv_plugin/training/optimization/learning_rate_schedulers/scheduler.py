"""The base of all learning-rate schedulers."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import torch
from torch.optim.lr_scheduler import LRScheduler

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied

# Our key, and those of AllenNLP.
WARMUP = ("warmup", "warmup_steps", "num_warmup_steps")


class LearningRateScheduler(Registrable):
    """Sets learning rates as training goes on, over a scheduler of torch's.

    # Parameters

    scheduler : torch's.
    every_batch : step after every batch, or after every epoch.
    """

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any], path: str) -> None:
        """`ConfigurationError` where settings of the warm-up contradict each other.

        # Parameters

        settings : the scheduler's.
        path : where they stand in the config.
        """
        given = [key for key in settings if key in WARMUP and settings[key] is not None]
        if len(given) > 1:
            raise ConfigurationError(f"{' and '.join(given)} say the same: give one", f"{path}.{given[1]}".lstrip("."))
        for key in given:
            if settings[key] < 0:
                raise ConfigurationError(f"expected 0 or more, found {settings[key]}", f"{path}.{key}".lstrip("."))

    def __init__(self, scheduler: LRScheduler, every_batch: bool) -> None:
        self.scheduler = scheduler
        self.every_batch = every_batch

    def step_batch(self) -> None:
        """A step of the optimizer was made."""
        if self.every_batch:
            self.scheduler.step()

    def step_epoch(self, metric: float | None) -> None:
        """An epoch ended with this value of the validation metric."""
        if not self.every_batch:
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; plain types only."""
        state = self.scheduler.state_dict()
        # LambdaLR lists its functions, None for plain ones: they come from the config again.
        return {key: value for key, value in state.items() if key != "lr_lambdas"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        lambdas = self.scheduler.state_dict().get("lr_lambdas")
        self.scheduler.load_state_dict(dict(state) if lambdas is None else {**state, "lr_lambdas": lambdas})


LazyScheduler: TypeAlias = Annotated[
    Lazy[LearningRateScheduler], Supplied("optimizer", "num_epochs", "num_training_steps")
]


def rise(warmup: float | None, steps: int | None, num_training_steps: int, default: float = 0.1) -> int:
    """Steps of warm-up.

    # Parameters

    warmup : below 1 a share of all steps, else their number.
    steps : their number.
    num_training_steps : all steps.
    default : of `warmup` where neither is given.
    """
    if steps is not None:
        return steps
    chosen = default if warmup is None else warmup
    return round(chosen * num_training_steps) if chosen < 1 else int(chosen)


def optimizer_of(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer itself where a launcher wrapped it."""
    inner: torch.optim.Optimizer = getattr(optimizer, "optimizer", optimizer)
    return inner
