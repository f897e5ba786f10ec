"""Warm-up, then half a cosine."""

import torch
from transformers.optimization import get_cosine_schedule_with_warmup

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler, rise


@LearningRateScheduler.register("cosine_with_warmup")
class CosineWithWarmup(LearningRateScheduler):
    """Rises from 0 to the full rate linearly and falls along a cosine.

    Registered as "cosine_with_warmup".

    # Parameters

    optimizer, num_training_steps : supplied.
    warmup : of all steps; below 1 their share, else their number.
    num_warmup_steps : steps of warm-up; a tenth of all where neither is given.
    num_cycles : waves of the cosine; half a one falls to 0 at the last step.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        num_training_steps: int,
        warmup: float | None = None,
        num_warmup_steps: int | None = None,
        num_cycles: float = 0.5,
    ) -> None:
        steps = rise(warmup, num_warmup_steps, num_training_steps)
        schedule = get_cosine_schedule_with_warmup(optimizer, steps, num_training_steps, num_cycles)
        super().__init__(schedule, every_batch=True)
