"""Forest plots: the differences of arms from the baseline, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ner_adv_plugin.studies.report.numbers import interval, number, points
from ner_adv_plugin.studies.report.plots.drawing import (
    DOTS,
    INK,
    LINE,
    NARROW,
    OF_VERDICT,
    TEXT_SIZE,
    for_both_widths,
    shortened,
    without_frame,
)


@dataclass(frozen=True)
class ForestRow:
    """An arm in a forest plot, in F1 as a fraction.

    # Parameters

    arm : its name.
    difference, interval : from the baseline; ends may be infinite.
    differences : of single seeds.
    verdict : gives the colour.
    """

    arm: str
    difference: float
    interval: tuple[float, float]
    differences: Sequence[float]
    verdict: str


def forest_rows(family: Mapping[str, Any]) -> list[ForestRow]:
    """Return the rows of a family of `results.json`."""
    return [
        ForestRow(
            name,
            number(arm["difference"]),
            (number(arm["interval"][0]), number(arm["interval"][1])),
            [number(one) for one in arm["differences"]],
            arm["verdict"],
        )
        for name, arm in family["arms"].items()
        if "difference" in arm
    ]


def forest_limits(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Return the limits of the axis, in points, common to all families of a study.

    They hold all seeds; the end of an interval may lie far beyond, or be infinite: it is cut.
    """
    seeds = [100 * one for row in rows for one in (row.difference, *row.differences)]
    known = [value for value in seeds if isfinite(value)]
    reach = 3 * max([5.0, *(abs(value) for value in known)])
    ends = [100 * end for row in rows for end in row.interval]
    shown = [0.0, *known, *(end for end in ends if abs(end) <= reach)]
    if any(end < -reach for end in ends):
        shown.append(min(shown) - 0.1 * reach)
    if any(end > reach for end in ends):
        shown.append(max(shown) + 0.1 * reach)
    margin = max(0.05 * (max(shown) - min(shown)), 0.5)
    return min(shown) - margin, max(shown) + margin


def forest(rows: Sequence[ForestRow], limits: tuple[float, float], label: str, name: str) -> Markup:
    """Draw the differences of a family for wide and narrow pages.

    # Parameters

    rows : one for each arm.
    limits : of the axis, in points.
    label : what a screen reader says.
    name : of the plot, unique in its page.
    """

    def draw(width: int) -> Figure:
        # On a narrow page the names and numbers stand above the intervals.
        narrow = width == NARROW
        row_height = 46 if narrow else 30
        height, bottom = row_height * len(rows) + 40, 30
        left, right = (8, 8) if narrow else (200, 190)
        figure = Figure(figsize=(width / DOTS, height / DOTS), dpi=DOTS)
        axes = figure.add_axes(
            (
                left / width,
                bottom / height,
                (width - left - right) / width,
                (height - bottom - 6) / height,
            )
        )
        axes.set(xlim=limits, ylim=(len(rows) - 0.5, -0.5))
        without_frame(axes)
        axes.set_yticks([])
        axes.axvline(0, color=INK, linewidth=1)
        axes.grid(axis="x", color=LINE, linewidth=0.8)
        for place, row in enumerate(rows):
            _forest_row(axes, place + 0.22 if narrow else place, row, limits)
            values = f"{points(row.difference, signed=True)} {interval(row.interval)}"
            text_place = height - 6 - row_height * (place + (0.22 if narrow else 0.5))
            for x, aligned, shown in (
                (4, "left", shortened(row.arm, 17 if narrow else 26)),
                (width - 4, "right", values),
            ):
                figure.text(
                    x / width,
                    text_place / height,
                    shown,
                    ha=aligned,
                    va="center_baseline",
                    color=INK,
                    fontsize=TEXT_SIZE + 1,
                )
        return figure

    return for_both_widths(draw, label, name)


def _forest_row(axes: Axes, place: float, row: ForestRow, limits: tuple[float, float]) -> None:
    color = OF_VERDICT[row.verdict]
    low, high = (100 * end for end in row.interval)
    if low == low and high == high:
        axes.plot(
            [max(low, limits[0]), min(high, limits[1])], [place] * 2, color=color, linewidth=2.5
        )
    for end, border, marker in ((low, limits[0], "<"), (high, limits[1], ">")):
        if not limits[0] <= end <= limits[1] and end == end:
            axes.plot([border], [place], color=color, marker=marker, clip_on=False)
    axes.plot(
        [100 * one for one in row.differences],
        [place] * len(row.differences),
        color=INK,
        linestyle="none",
        marker="|",
        markersize=9,
        markeredgewidth=1,
    )
    axes.plot([100 * row.difference], [place], color=color, marker="o", markersize=8)
