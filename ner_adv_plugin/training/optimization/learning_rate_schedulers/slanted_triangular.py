"""A short rise, a long fall."""

import torch
from torch.optim.lr_scheduler import LambdaLR

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler


@LearningRateScheduler.register("slanted_triangular")
class SlantedTriangular(LearningRateScheduler):
    """Rises linearly for a share of all steps and falls linearly for the rest (Howard & Ruder 2018, eq. 3).

    Registered as "slanted_triangular".

    # Parameters

    optimizer, num_training_steps : supplied.
    cut_frac : share of steps that the rise takes.
    ratio : of the highest rate to the lowest.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, num_training_steps: int, cut_frac: float = 0.1, ratio: float = 32
    ) -> None:
        cut = max(1, int(num_training_steps * cut_frac))
        fall = max(1, num_training_steps - cut)

        def factor(step: int) -> float:
            share = step / cut if step < cut else 1 - (step - cut) / fall
            return (1 + max(share, 0.0) * (ratio - 1)) / ratio

        super().__init__(LambdaLR(optimizer, factor), every_batch=True)
