"""A fall every epoch."""

import torch
from torch.optim import lr_scheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler


@LearningRateScheduler.register("exponential")
class Exponential(LearningRateScheduler):
    """Scales the rate down every epoch.

    Registered as "exponential".

    # Parameters

    optimizer : supplied.
    gamma : what the rate is scaled by.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, gamma: float = 0.1) -> None:
        super().__init__(lr_scheduler.ExponentialLR(optimizer, gamma), every_batch=False)
