"""Base class of learning-rate schedulers."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.checks import CheckContext, check_some
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied, parameters

# Keys for the length of the warm-up: that of this package, and those of AllenNLP.
WARMUP = ("warmup", "warmup_steps", "num_warmup_steps")
# Supplied arguments that hold the length of the run.
LENGTH = {"num_epochs", "num_training_steps"}


class LearningRateScheduler(Registrable):
    """Base class of learning-rate schedulers, which wrap a scheduler of torch.

    # Parameters

    scheduler : scheduler of torch.
    every_batch : update after every optimizer step; otherwise after every epoch.
    depends_on_length : whether the learning rate at a step depends on the length of the whole run.
        By default it does if the constructor takes `num_epochs` or `num_training_steps`.

    # Example

    ```jsonnet
    { type: 'linear_with_warmup', warmup: 0.1 }
    ```

    # Examples

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    >>> scheduler = LearningRateScheduler.by_name("exponential")(optimizer, gamma=0.5)
    >>> optimizer.step()
    >>> scheduler.step_epoch(metric=None)
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: the warm-up is set once at most, and no list is empty."""
        check_some(settings.get("milestones"), "number of finished epochs", "milestones")
        keys = [key for key in settings if key in WARMUP and settings[key] is not None]
        if len(keys) > 1:
            raise ConfigurationError(f"{' and '.join(keys)} are synonyms: set only one", keys[1])

        for key in keys:
            at_least(0, settings[key], key)

    def __init__(
        self, scheduler: LRScheduler, every_batch: bool, depends_on_length: bool | None = None
    ) -> None:
        self.scheduler = scheduler
        self.every_batch = every_batch
        if depends_on_length is None:
            names = {parameter.name for parameter in parameters(type(self))}
            depends_on_length = bool(names & LENGTH)
        self.depends_on_length = depends_on_length

    def step_batch(self) -> None:
        """Update the learning rates after an optimizer step."""
        if self.every_batch:
            self.scheduler.step()

    def step_epoch(self, metric: float | None) -> None:
        """Update the learning rates after an epoch.

        # Parameters

        metric : validation metric of the epoch; None if missing.
        """
        if self.every_batch:
            return

        if not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
        elif metric is not None:
            self.scheduler.step(metric)

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, in plain types."""
        state = self.scheduler.state_dict()
        # LambdaLR lists its functions as None: they are built again from the config.
        return {key: value for key, value in state.items() if key != "lr_lambdas"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        own = self.scheduler.state_dict()
        lambdas = {"lr_lambdas": own["lr_lambdas"]} if "lr_lambdas" in own else {}
        self.scheduler.load_state_dict({**state, **lambdas})


LazyScheduler: TypeAlias = Annotated[
    Lazy[LearningRateScheduler], Supplied("optimizer", "num_epochs", "num_training_steps")
]
