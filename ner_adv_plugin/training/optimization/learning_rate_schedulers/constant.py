"""The same rate all along."""

import torch
from transformers.optimization import get_constant_schedule

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler


@LearningRateScheduler.register("constant")
class Constant(LearningRateScheduler):
    """The same rate all along.

    Registered as "constant".

    # Parameters

    optimizer : supplied.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(get_constant_schedule(optimizer), every_batch=True)
