"""The base of all learning-rate schedulers."""

from typing import Annotated, Any, TypeAlias

import torch
from torch.optim.lr_scheduler import LRScheduler

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class LearningRateScheduler(Registrable):
    """Sets learning rates as training goes on, over a scheduler of torch's.

    # Parameters

    scheduler : torch's.
    every_batch : step after every batch, or after every epoch.
    """

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


def warmup_steps(warmup: float, num_training_steps: int) -> int:
    """Steps of warm-up: below 1 a share of all steps, else their number."""
    if warmup < 0:
        raise ConfigurationError(f"expected 0 or more, found {warmup}", "trainer.learning_rate_scheduler.warmup")
    return round(warmup * num_training_steps) if warmup < 1 else int(warmup)


def optimizer_of(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer itself where a launcher wrapped it."""
    inner: torch.optim.Optimizer = getattr(optimizer, "optimizer", optimizer)
    return inner
