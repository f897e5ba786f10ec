"""Losses over learning rates, the result of a range test: its suggestion, table and plot."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.files import write_file


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
