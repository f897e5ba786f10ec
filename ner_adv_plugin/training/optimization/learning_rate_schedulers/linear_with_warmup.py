"""Warm-up, then linear decay."""

import torch
from transformers.optimization import get_linear_schedule_with_warmup

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler, rise


@LearningRateScheduler.register("linear_with_warmup")
class LinearWithWarmup(LearningRateScheduler):
    """Rises from 0 to the full rate and falls to 0 at the last step, both linearly.

    Registered as "linear_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : of all steps; below 1 their share, else their number.
    warmup_steps : steps of warm-up; a tenth of all where neither is given.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        num_training_steps: int,
        warmup: float | None = None,
        warmup_steps: int | None = None,
    ) -> None:
        steps = rise(warmup, warmup_steps, num_training_steps)
        super().__init__(get_linear_schedule_with_warmup(optimizer, steps, num_training_steps), every_batch=True)
