"""A fall where the validation metric does not improve."""

from typing import Literal

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler


@LearningRateScheduler.register("reduce_on_plateau")
class ReduceOnPlateau(LearningRateScheduler):
    """Scales the rate down where the validation metric has not improved for some epochs.

    Registered as "reduce_on_plateau".

    # Parameters

    optimizer : supplied.
    mode : whether a better metric is higher ("max") or lower ("min"), as `validation_metric` says it.
    factor : what the rate is scaled by.
    patience : epochs without improvement that are waited out.
    threshold_mode : whether `threshold` is a share of the best value ("rel") or a difference from it ("abs").
    threshold : change that counts as improvement.
    cooldown : epochs after a fall before counting again.
    min_lr : the rate never falls below; one for all parameter groups, or one for each.
    eps : smaller falls are not made.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold_mode: Literal["rel", "abs"] = "rel",
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self._plateau = ReduceLROnPlateau(
            optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps
        )
        super().__init__(self._plateau, every_batch=False)

    def step_epoch(self, metric: float | None) -> None:
        """See `LearningRateScheduler.step_epoch`."""
        if metric is not None:
            self._plateau.step(metric)
