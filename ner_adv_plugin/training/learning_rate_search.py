"""The learning-rate range test (Smith 2017, section 3.3): the loss while the rate grows step by step."""

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
from ner_adv_plugin.training.optimization.optimizers import optimizer_of
from ner_adv_plugin.training.steps.step import averages
from ner_adv_plugin.training.trainer import Trainer

logger = logging.getLogger(__name__)

FEWEST_STEPS = 11
# Standard deviation of the smoothing window, as a share of the steps asked for.
SMOOTHING = 0.05


@dataclass(frozen=True)
class RangeTest:
    """Which rates a search goes through.

    # Parameters

    start, end : the first and the last learning rate.
    steps : steps of the optimizer.
    linear : grow by equal differences, not by equal ratios.
    stopping_factor : stop at a loss above so many times the lowest one; never where None.

    Raises `UserError` where they make no search.
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
        if self.steps < FEWEST_STEPS:
            raise UserError(f"expected {FEWEST_STEPS} batches or more, found {self.steps}")
        if self.stopping_factor is not None and not self.stopping_factor > 1:
            raise UserError(f"expected a stopping factor above 1, found {self.stopping_factor:g}")

    def rates(self) -> NDArray[np.float64]:
        """The learning rate of every step."""
        space = np.linspace if self.linear else np.geomspace
        return space(self.start, self.end, self.steps)

    def highest_loss(self, losses: Sequence[float]) -> float:
        """The loss up to which the search goes on after these; finite."""
        if self.stopping_factor is None or not losses:
            return sys.float_info.max
        return self.stopping_factor * min(losses)


@dataclass(frozen=True)
class Curve:
    """What a search found.

    # Parameters

    rates : learning rates, growing.
    losses : the loss of each step's batch, before the step.
    smoothed : the same, averaged over neighbouring steps.
    linear : whether slopes are over the rate itself, not over its logarithm.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    linear: bool

    def suggestion(self) -> float | None:
        """The rate where the smoothed loss falls most steeply on its way to its minimum, None where it never falls."""
        way = int(self.smoothed.argmin()) + 1
        if way < 2:
            return None
        positions = self.rates if self.linear else np.log(self.rates)
        slopes = np.gradient(self.smoothed, positions)[:way]
        return float(self.rates[slopes.argmin()])


def search_learning_rate(trainer: Trainer, test: RangeTest) -> Curve:
    """Train with growing learning rates.

    Every parameter group keeps its ratio to the optimizer's own `lr`. The search stops at a loss that is not
    finite, or above `stopping_factor`.

    # Parameters

    trainer : of a run that has not begun; its model is trained, so that it is of no use afterwards.
    test : the rates.

    Raises `UserError` where the optimizer has no learning rate, or the search stops before the second loss.
    """
    ratios = _ratios(trainer)
    trainer.model.train()
    # What depends on the progress of training sees no more than the whole of it.
    trainer.total_steps = max(trainer.total_steps, test.steps)
    groups = (group for epoch in itertools.count() for group in trainer.plan_steps(epoch))
    losses: list[float] = []
    with progress_bar(test.steps, "searching") as bar:
        for rate, group in zip(test.rates(), groups, strict=False):
            for settings, ratio in zip(trainer.optimizer.param_groups, ratios, strict=True):
                settings["lr"] = float(rate) * ratio
            loss = averages(trainer.train_step(group))["loss"]
            # So written, a loss that is no number stops too.
            if not loss <= test.highest_loss(losses):
                logger.info("stopped at learning rate %.3g: the loss is %.4g", rate, loss)
                break
            losses.append(loss)
            bar.update(1)
    if len(losses) < 2:
        raise UserError(
            f"the loss stops the search at once, at learning rate {test.start:g}: start with a lower one"
        )
    made = np.array(losses)
    return Curve(
        test.rates()[: len(losses)], made, smooth(made, SMOOTHING * test.steps), test.linear
    )


def _ratios(trainer: Trainer) -> list[float]:
    """The learning rate of each parameter group over the optimizer's own."""
    own = optimizer_of(trainer.optimizer).defaults.get("lr")
    if not own:
        raise UserError(
            f"trainer.optimizer.lr: expected a learning rate above 0 to begin with, found {own}"
        )
    return [float(group["lr"]) / own for group in trainer.optimizer.param_groups]


def smooth(values: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    """Means of neighbours, weighted by a Gaussian; at the ends over those neighbours that there are."""
    radius = math.ceil(3 * deviation)
    window = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    sums, weights = (
        np.convolve(series, window)[radius:-radius] for series in (values, np.ones_like(values))
    )
    return np.asarray(sums / weights)


def write_table(curve: Curve, path: Path) -> None:
    """Write a CSV file of learning rate, loss and smoothed loss of every step."""

    def write(aside: Path) -> None:
        with open(aside, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["learning_rate", "loss", "smoothed_loss"])
            table.writerows(
                zip(
                    *(map(float, s) for s in (curve.rates, curve.losses, curve.smoothed)),
                    strict=True,
                )
            )

    write_file(path, write)


def draw(curve: Curve, path: Path) -> None:
    """Draw a PNG picture of the losses over the learning rates, with the suggestion."""
    # Not pyplot, which looks for a screen and keeps every figure.
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
    write_file(path, lambda aside: figure.savefig(aside, format="png"))


def _limits(curve: Curve) -> tuple[float, float]:
    """What to show of the losses: a loss that runs away would flatten all that comes before it."""
    way = curve.smoothed[: curve.smoothed.argmin() + 1]
    room = 0.5 * (way.max() - way.min())
    bottom, top = (
        max(curve.losses.min(), way.min() - room),
        min(curve.losses.max(), way.max() + room),
    )
    return bottom - 0.03 * (top - bottom), top + 0.03 * (top - bottom)
