"""Registration of learning-rate schedulers: a class is generated from a function.

The function makes a scheduler of torch: its signature defines the config keys, its docstring
describes them.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from torch.optim.lr_scheduler import LRScheduler

from ner_adv_plugin.training.optimization import table
from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import (
    LearningRateScheduler,
)
from ner_adv_plugin.training.optimization.learning_rate_schedulers.warmup import warmup_is_fixed

Schedule: TypeAlias = Callable[..., LRScheduler]


def entry(
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
            fixed = only_warmup and warmup_is_fixed(settings)
            depends = False if fixed else None
            LearningRateScheduler.__init__(self, schedule(**settings), every_batch, depends)

        signature = inspect.signature(schedule).parameters.values()
        docstring = inspect.getdoc(schedule)
        table.register(LearningRateScheduler, name, signature, docstring, construct)
        return schedule

    return register
