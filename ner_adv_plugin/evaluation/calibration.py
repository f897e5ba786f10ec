"""Calibration: how well the scores of predicted entities match their precision.

Shape suffixes: S predicted entities, K bins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.files import write_file

BINS = 10
PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: mean score and precision of entities in bins of equal width.

    # Parameters

    counts_K : number of entities in each bin.
    scores_K : mean score of each bin; NaN if it is empty.
    precision_K : share of correct entities of each bin; NaN if it is empty.
    """

    counts_K: NDArray[np.int64]
    scores_K: NDArray[np.float64]
    precision_K: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error, 0 to 1; 0.0 without entities.

        It is the distance between score and precision of the bins, averaged over entities (Naeini
        et al. 2015; Guo et al. 2017).
        """
        filled = self.counts_K > 0
        gaps = np.abs(self.scores_K[filled] - self.precision_K[filled])
        return float((gaps * self.counts_K[filled]).sum() / max(int(self.counts_K.sum()), 1))


def reliability(
    scores_S: NDArray[np.floating], correct_S: NDArray[np.bool_], bins: int = BINS
) -> Reliability:
    """Compute a reliability diagram of predicted entities.

    # Parameters

    scores_S : score of each entity, 0 to 1.
    correct_S : whether each entity is correct.
    bins : number of bins.

    # Examples

    >>> curve = reliability(np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, True, False]))
    >>> round(curve.ece, 2)
    0.15
    """
    bins_S = np.minimum((scores_S * bins).astype(np.int64), bins - 1)
    counts_K = np.bincount(bins_S, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            counts_K=counts_K,
            scores_K=np.bincount(bins_S, scores_S, bins) / counts_K,
            precision_K=np.bincount(bins_S, correct_S, bins) / counts_K,
        )


def draw_reliability(found: Mapping[str, Reliability], path: Path) -> None:
    """Plot precision over score, one curve per head, to an image file.

    # Parameters

    found : reliability diagram of each head.
    path : the file; its suffix, one of `PICTURES`, determines the format, which is PNG without a
        suffix.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--", label="calibrated")
    for name, curve in found.items():
        filled = curve.counts_K > 0
        sizes = 20 + 180 * curve.counts_K[filled] / max(int(curve.counts_K.max(initial=0)), 1)
        (line,) = axes.plot(curve.scores_K[filled], curve.precision_K[filled], linewidth=1.5)
        label = f"{name} (ECE {curve.ece:.3f})"
        points = (curve.scores_K[filled], curve.precision_K[filled])
        axes.scatter(*points, sizes, color=line.get_color(), alpha=0.6, label=label)
    axes.set(
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        xlabel="score",
        ylabel="precision",
    )
    axes.legend(loc="upper left", frameon=False)

    write_file(
        path,
        lambda aside: figure.savefig(aside, format=path.suffix.removeprefix(".") or "png", dpi=150),
    )
