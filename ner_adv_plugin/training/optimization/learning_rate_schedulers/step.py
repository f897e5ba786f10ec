"""A fall every few epochs."""

import torch
from torch.optim import lr_scheduler

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler


@LearningRateScheduler.register("step")
class Step(LearningRateScheduler):
    """Scales the rate down every so many epochs.

    Registered as "step".

    # Parameters

    optimizer : supplied.
    step_size : epochs between two falls.
    gamma : what the rate is scaled by.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(lr_scheduler.StepLR(optimizer, step_size, gamma), every_batch=False)
