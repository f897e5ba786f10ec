"""Learning curves: F1 by training sentences of the target."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from markupsafe import Markup
from matplotlib.figure import Figure

from ner_adv_plugin.studies.report.plots.drawing import (
    DOTS,
    LINE,
    NARROW,
    SERIES,
    as_svg,
    for_both_widths,
    without_frame,
)

DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class CurveRow:
    """An arm in a plot of learning curves.

    # Parameters

    arm : its name.
    sizes : training sentences of the target, rising.
    scores : F1 by size and seed, as fractions.
    """

    arm: str
    sizes: Sequence[int]
    scores: Sequence[Sequence[float]]


def curves(rows: Sequence[CurveRow], label: str, name: str) -> Markup:
    """Draw learning curves for wide and narrow pages: means, and bands over seeds.

    # Parameters

    rows : one for each arm, in the order of `series_style`.
    label : what a screen reader says.
    name : of the plot, unique in its page.
    """

    def draw(width: int) -> Figure:
        height = 230 if width == NARROW else 320
        figure = Figure(figsize=(width / DOTS, height / DOTS), dpi=DOTS)
        axes = figure.add_axes(
            (38 / width, 30 / height, (width - 38 - 16) / width, (height - 30 - 10) / height)
        )
        sizes = sorted({size for row in rows for size in row.sizes})
        without_frame(axes)
        axes.set_xscale("log")
        axes.set_xticks(_apart(sizes, 34 / (width - 54)), minor=False)
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
        axes.grid(color=LINE, linewidth=0.8)
        for i, row in enumerate(rows):
            by_size = [[100 * score for score in scores] for scores in row.scores]
            color, dashes, marker = _series(i)
            axes.fill_between(
                row.sizes,
                [min(scores) for scores in by_size],
                [max(scores) for scores in by_size],
                color=color,
                alpha=0.16,
                linewidth=0,
            )
            axes.plot(
                row.sizes,
                [sum(scores) / len(scores) for scores in by_size],
                color=color,
                linestyle=dashes,
                marker=marker,
                markersize=5,
                linewidth=2,
            )
        return figure

    return for_both_widths(draw, label, name)


def series_key(index: int, name: str) -> Markup:
    """Draw the line of a curve for a legend.

    # Parameters

    index : of the curve.
    name : of the plot, unique in its page.
    """
    color, dashes, marker = _series(index)

    def draw(width: int) -> Figure:
        figure = Figure(figsize=(width / DOTS, 14 / DOTS), dpi=DOTS)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_axis_off()
        axes.plot([0, 0.5, 1], [0.5] * 3, color=color, linestyle=dashes, linewidth=2)
        axes.plot([0.5], [0.5], color=color, marker=marker, markersize=5)
        return figure

    return Markup('<svg class="key" aria-hidden="true"') + as_svg(draw(36), f"{name}-key{index}")


def _series(index: int) -> tuple[str, str, str]:
    """Return colour, line style and marker of a curve."""
    return (
        SERIES[index % len(SERIES)],
        DASHES[index % len(DASHES)],
        MARKERS[index % len(MARKERS)],
    )


def _apart(sizes: Sequence[int], share: float) -> list[int]:
    """Return the sizes whose labels do not touch on a logarithmic axis, the last one first.

    # Parameters

    sizes : rising.
    share : width of a label as a share of the axis.
    """
    span = max(log(sizes[-1] / sizes[0]), 1e-9)
    kept = [sizes[-1]]
    for size in reversed(sizes[:-1]):
        if log(kept[-1] / size) / span > share:
            kept.append(size)
    return kept[::-1]
