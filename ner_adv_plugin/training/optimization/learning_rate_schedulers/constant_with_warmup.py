"""Warm-up, then the same rate."""

import torch
from transformers.optimization import get_constant_schedule_with_warmup

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler, rise


@LearningRateScheduler.register("constant_with_warmup")
class ConstantWithWarmup(LearningRateScheduler):
    """Rises from 0 to the full rate, which then stays.

    Registered as "constant_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : of all steps; below 1 their share, else their number.
    num_warmup_steps : steps of warm-up; a tenth of all where neither is given.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        num_training_steps: int,
        warmup: float | None = None,
        num_warmup_steps: int | None = None,
    ) -> None:
        steps = rise(warmup, num_warmup_steps, num_training_steps)
        super().__init__(get_constant_schedule_with_warmup(optimizer, steps), every_batch=True)
