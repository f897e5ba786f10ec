"""Calibration: whether an entity's score is the share of such entities that are right.

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
    """Scores against what came true, in bins of equal width.

    # Parameters

    counts_K : entities in each bin.
    scores_K : their mean score, NaN in an empty bin.
    precision_K : the share of them that are right, NaN in an empty bin.
    """

    counts_K: NDArray[np.int64]
    scores_K: NDArray[np.float64]
    precision_K: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error, the mean distance of score and precision over entities (Naeini et al. 2015; Guo
        et al. 2017); 0.0 without entities.
        """
        filled = self.counts_K > 0
        gaps = np.abs(self.scores_K[filled] - self.precision_K[filled])
        return float((gaps * self.counts_K[filled]).sum() / max(int(self.counts_K.sum()), 1))


def reliability(
    scores_S: NDArray[np.floating], correct_S: NDArray[np.bool_], bins: int = BINS
) -> Reliability:
    """Lay predicted entities into bins by their score.

    # Parameters

    scores_S : 0 to 1.
    correct_S : whether each is right.
    bins : how many.
    """
    places_S = np.minimum((scores_S * bins).astype(np.int64), bins - 1)
    counts_K = np.bincount(places_S, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            counts_K=counts_K,
            scores_K=np.bincount(places_S, scores_S, bins) / counts_K,
            precision_K=np.bincount(places_S, correct_S, bins) / counts_K,
        )


def draw_reliability(found: Mapping[str, Reliability], path: Path) -> None:
    """Draw precision against score, one curve for each head, in the format that the path's ending names.

    # Parameters

    found : by the names of the heads.
    path : ends in one of `PICTURES`, or has no ending for a PNG.
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
        places = (curve.scores_K[filled], curve.precision_K[filled])
        axes.scatter(*places, sizes, color=line.get_color(), alpha=0.6, label=label)
    axes.set(
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        xlabel="score of an entity",
        ylabel="share of them that are right",
    )
    axes.legend(loc="upper left", frameon=False)

    write_file(
        path,
        lambda aside: figure.savefig(aside, format=path.suffix.removeprefix(".") or "png", dpi=150),
    )
