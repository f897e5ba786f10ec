"""Plots as inline SVG: text stays text, and colours are those of the page, light or dark."""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ner_adv_plugin.studies.report.numbers import interval, number, points

# Stand-ins for the page's colours, replaced in the SVG by CSS variables.
VARIABLES = {
    "#010101": "--ink",
    "#010102": "--muted",
    "#010103": "--line",
    "#010104": "--helped",
    "#010105": "--hurt",
    "#010106": "--undecided",
    **{f"#01020{i}": f"--series-{i}" for i in range(6)},
}
INK, MUTED, LINE, HELPED, HURT, UNDECIDED, *SERIES = VARIABLES
OF_VERDICT = {"helped": HELPED, "hurt": HURT, "undecided": UNDECIDED}
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P")
# Widths in CSS pixels of the plots for wide and narrow pages, and of their text.
WIDE, NARROW = 860, 340
TEXT_SIZE = 12
# matplotlib's points in an inch: one point is drawn as one CSS pixel.
DOTS = 72


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
        _plain(axes)
        axes.set_yticks([])
        axes.axvline(0, color=INK, linewidth=1)
        axes.grid(axis="x", color=LINE, linewidth=0.8)
        for place, row in enumerate(rows):
            _forest_row(axes, place + 0.22 if narrow else place, row, limits)
            values = f"{points(row.difference, signed=True)} {interval(row.interval)}"
            text_place = height - 6 - row_height * (place + (0.22 if narrow else 0.5))
            for x, aligned, shown in (
                (4, "left", _shortened(row.arm, 17 if narrow else 26)),
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

    return _for_both_widths(draw, label, name)


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
        _plain(axes)
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

    return _for_both_widths(draw, label, name)


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

    return Markup('<svg class="key" aria-hidden="true"') + _svg(draw(36), f"{name}-key{index}")


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


def _plain(axes: Axes) -> None:
    """Leave only what is read: numbers, and no frame."""
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.patch.set_visible(False)
    axes.tick_params(length=0, labelcolor=MUTED, labelsize=TEXT_SIZE)


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


def _shortened(name: str, most: int) -> str:
    """Cut a name to a width; a CJK character is as wide as two others."""
    width, kept = 0, ""
    for character in name:
        width += 2 if ord(character) > 0x2E7F else 1
        if width > most:
            return kept[:-1] + "…"
        kept += character
    return kept


def _for_both_widths(draw: Callable[[int], Figure], label: str, name: str) -> Markup:
    """Return two SVGs, of which the page shows the one that fits."""
    return Markup("").join(
        Markup('<svg class="plot {}" role="img" aria-label="{}"').format(fit, label)
        + _svg(draw(width), f"{name}-{fit}")
        for fit, width in (("wide", WIDE), ("narrow", NARROW))
    )


def _svg(figure: Figure, salt: str) -> Markup:
    """Return the SVG of a figure without its opening `<svg`, for the body of a page."""
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "text.parse_math": False,
        "axes.unicode_minus": True,
    }
    buffer = io.StringIO()
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Text stays text: it is the page's fonts that must have its characters.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    found = buffer.getvalue()
    found = found[found.index("<svg") + len("<svg") :]
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', found)
    assert size is not None
    head = f' viewBox="0 0 {size[1]} {size[2]}" style="max-width:{float(size[1]):.0f}px">'
    body = found[found.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = body.replace("xlink:href", "href")
    for color, variable in VARIABLES.items():
        body = body.replace(color, f"var({variable})")
    return Markup(head + body)
