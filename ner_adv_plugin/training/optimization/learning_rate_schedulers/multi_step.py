"""Falls at given epochs."""

import torch
from torch.optim import lr_scheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler


@LearningRateScheduler.register("multi_step")
class MultiStep(LearningRateScheduler):
    """Scales the rate down at given epochs.

    Registered as "multi_step".

    # Parameters

    optimizer : supplied.
    milestones : epochs, rising.
    gamma : what the rate is scaled by.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, milestones: list[int], gamma: float = 0.1) -> None:
        super().__init__(lr_scheduler.MultiStepLR(optimizer, milestones, gamma), every_batch=False)
