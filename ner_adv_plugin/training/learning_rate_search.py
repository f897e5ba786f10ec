"""Learning-rate range test (Smith 2017, section 3.3): train with increasing learning rates."""

import csv
import itertools
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.common.progress import progress_bar
from ner_adv_plugin.modules.statistics import averages
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


@dataclass(frozen=True)
class Curve:
    """Result of a range test.

    # Parameters

    rates : learning rates in increasing order, (N,).
    losses : loss of each step's batch, before the update, (N,).
    smoothed : smoothed losses, (N,).
    linear : compute slopes over the learning rate; over its logarithm by default.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    linear: bool

    def suggestion(self) -> float | None:
        """Return the learning rate of steepest descent of the smoothed loss before its minimum.

        # Returns

        The learning rate; None if the loss never falls.
        """
        steps = int(self.smoothed.argmin()) + 1
        if steps < 2:
            return None

        x_values = self.rates if self.linear else np.log(self.rates)
        slopes = np.gradient(self.smoothed, x_values)[:steps]
        return float(self.rates[slopes.argmin()])


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


def smooth(values: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    """Smooth values with a Gaussian window, truncated and renormalised at the ends.

    # Parameters

    values : values at equal distances, (N,).
    deviation : standard deviation of the window, in values.

    # Returns

    Smoothed values, (N,).

    # Examples

    >>> smooth(np.array([0.0, 0.0, 3.0, 0.0, 0.0]), deviation=1.0).round(2).tolist()
    [0.23, 0.77, 1.21, 0.77, 0.23]
    """
    radius = math.ceil(3 * deviation)
    window = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    sums, weights = (
        np.convolve(series, window)[radius:-radius] for series in (values, np.ones_like(values))
    )
    return np.asarray(sums / weights)


def write_table(curve: Curve, path: Path) -> None:
    """Write learning rate, loss and smoothed loss of every step to a CSV file.

    # Parameters

    curve : result of a range test.
    path : path of the file.
    """
    columns = [curve.rates.tolist(), curve.losses.tolist(), curve.smoothed.tolist()]

    def write(temporary: Path) -> None:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["learning_rate", "loss", "smoothed_loss"])
            table.writerows(zip(*columns, strict=True))

    write_file(path, write)


def draw(curve: Curve, path: Path) -> None:
    """Plot the losses over the learning rates, with the suggestion, to a PNG file.

    # Parameters

    curve : result of a range test.
    path : path of the file.
    """
    # Not pyplot, which needs a display and keeps every figure in memory.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.subplots()

    axes.plot(
        curve.rates,
        curve.losses,
        color="tab:blue",
        alpha=0.35,
        linewidth=1,
        label="loss of a batch",
    )
    axes.plot(curve.rates, curve.smoothed, color="tab:blue", linewidth=2, label="smoothed")

    if (rate := curve.suggestion()) is not None:
        axes.axvline(
            rate,
            color="tab:red",
            linestyle="--",
            linewidth=1,
            label=f"steepest descent: {rate:.2g}",
        )
        axes.set_ylim(*_limits(curve))

    axes.set_xscale("linear" if curve.linear else "log")
    axes.set_xlabel("learning rate (trainer.optimizer.lr)")
    axes.set_ylabel("training loss")
    axes.grid(alpha=0.3)
    axes.legend()
    write_file(path, lambda temporary: figure.savefig(temporary, format="png"))


def _limits(curve: Curve) -> tuple[float, float]:
    """Return the range of losses to show; a diverging loss would flatten the rest of the plot."""
    descent = curve.smoothed[: curve.smoothed.argmin() + 1]
    margin = 0.5 * (descent.max() - descent.min())
    bottom = max(curve.losses.min(), descent.min() - margin)
    top = min(curve.losses.max(), descent.max() + margin)

    padding = 0.03 * (top - bottom)
    return bottom - padding, top + padding
