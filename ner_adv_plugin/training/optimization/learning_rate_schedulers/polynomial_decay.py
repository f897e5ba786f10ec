"""Warm-up, then a power of what is left."""

import torch
from transformers.optimization import get_polynomial_decay_schedule_with_warmup

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler, rise


@LearningRateScheduler.register("polynomial_decay")
class PolynomialDecay(LearningRateScheduler):
    """Rises from 0 to the full rate linearly and falls to `end_learning_rate` at the last step along a power.

    Registered as "polynomial_decay".

    # Parameters

    optimizer, num_training_steps : supplied.
    power : of the share of steps left.
    warmup : of all steps; below 1 their share, else their number.
    warmup_steps : steps of warm-up; none where neither is given.
    end_learning_rate : at the last step.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        num_training_steps: int,
        power: float = 1.0,
        warmup: float | None = None,
        warmup_steps: int | None = None,
        end_learning_rate: float = 0.0,
    ) -> None:
        steps = rise(warmup, warmup_steps, num_training_steps, default=0.0)
        schedule = get_polynomial_decay_schedule_with_warmup(
            optimizer, steps, num_training_steps, end_learning_rate, power
        )
        super().__init__(schedule, every_batch=True)
