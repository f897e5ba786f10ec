"""Learning-rate range test (Smith 2017, section 3.3): train with increasing learning rates."""

import itertools
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.progress import progress_bar
from ner_adv_plugin.modules.statistics import averages
from ner_adv_plugin.training.learning_rate_curve import Curve, smooth
from ner_adv_plugin.training.optimization.optimizers import optimizer_of
from ner_adv_plugin.training.trainer import Trainer

logger = logging.getLogger(__name__)

MIN_STEPS = 11
# Standard deviation of the smoothing window, as a fraction of the number of steps.
SMOOTHING = 0.05


@dataclass(frozen=True)
class RangeTest:
    """Settings of a range test.

    # Parameters

    start, end : first and last learning rate.
    steps : number of optimizer steps.
    linear : space the learning rates linearly; logarithmically by default.
    stopping_factor : stop at a loss above this factor times the lowest loss; None to never stop.

    # Raises

    UserError : if a setting is out of range.

    # Examples

    >>> [round(float(rate), 6) for rate in RangeTest(start=1e-5, end=1.0, steps=11).rates()[:3]]
    [1e-05, 3.2e-05, 0.0001]
    """

    start: float = 1e-5
    end: float = 10.0
    steps: int = 100
    linear: bool = False
    stopping_factor: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.start < self.end < math.inf:
            raise UserError(
                f"expected learning rates 0 < start < end, found {self.start:g} and {self.end:g}"
            )
        if self.steps < MIN_STEPS:
            raise UserError(f"expected {MIN_STEPS} batches or more, found {self.steps}")
        if self.stopping_factor is not None and not self.stopping_factor > 1:
            raise UserError(f"expected a stopping factor above 1, found {self.stopping_factor:g}")

    def rates(self) -> NDArray[np.float64]:
        """Return the learning rate of every step, (steps,)."""
        space = np.linspace if self.linear else np.geomspace
        return space(self.start, self.end, self.steps)

    def highest_loss(self, losses: Sequence[float]) -> float:
        """Return the highest loss, always finite, that does not stop the test.

        # Parameters

        losses : losses of the steps so far.
        """
        if self.stopping_factor is None or not losses:
            return sys.float_info.max
        return self.stopping_factor * min(losses)


def search_learning_rate(trainer: Trainer, test: RangeTest) -> Curve:
    """Train with increasing learning rates and record the losses.

    The learning rate of each parameter group keeps its ratio to the optimizer's `lr`. The test
    stops early at a loss that is not finite or exceeds the stopping factor.

    # Parameters

    trainer : trainer of a run that has not started. Its model is trained: discard it afterwards.
    test : settings of the test.

    # Returns

    Learning rates and losses of the steps.

    # Raises

    UserError : if the optimizer has no learning rate, or the test stops before the second loss.
    """
    ratios = _ratios(trainer)
    trainer.model.train()
    # Keeps the progress of training at most 1 for schedules that depend on it.
    trainer.total_steps = max(trainer.total_steps, test.steps)

    groups = (group for epoch in itertools.count() for group in trainer.plan_steps(epoch))
    losses: list[float] = []
    with progress_bar(test.steps, "searching") as bar:
        for rate, group in zip(test.rates(), groups, strict=False):
            for settings, ratio in zip(trainer.optimizer.param_groups, ratios, strict=True):
                settings["lr"] = float(rate) * ratio
            loss = averages(trainer.train_step(group))["loss"]
            # Written as a negation so that NaN stops the test too.
            if not loss <= test.highest_loss(losses):
                logger.info("stopped at learning rate %.3g: the loss is %.4g", rate, loss)
                break
            losses.append(loss)
            bar.update(1)

    if len(losses) < 2:
        raise UserError(
            f"the loss stopped the search within two steps, at learning rate {test.start:g}: start"
            " with a lower one"
        )
    loss_values = np.array(losses)
    smoothed = smooth(loss_values, SMOOTHING * test.steps)
    return Curve(test.rates()[: len(losses)], loss_values, smoothed, test.linear)


def _ratios(trainer: Trainer) -> list[float]:
    """Return the ratio of each parameter group's learning rate to the optimizer's `lr`."""
    rate = optimizer_of(trainer.optimizer).defaults.get("lr")
    if not rate:
        raise UserError(f"trainer.optimizer.lr: expected a learning rate above 0, found {rate}")
    return [float(group["lr"]) / rate for group in trainer.optimizer.param_groups]
