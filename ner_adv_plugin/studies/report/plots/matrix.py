"""The transfer matrix as a picture: targets by arms, each cell a difference with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ner_adv_plugin.studies.report.numbers import interval, points
from ner_adv_plugin.studies.report.plots.drawing import (
    DOTS,
    INK,
    LINE,
    MUTED,
    NARROW,
    OF_VERDICT,
    TEXT_SIZE,
    for_both_widths,
    shortened,
)

# Signs of verdicts, for readers who do not see the colours.
SIGNS = {"helped": "▲", "hurt": "▼", "undecided": "○", "leaked": "×"}
# Columns that stand side by side; more arms stand below.
MOST_COLUMNS, MOST_NARROW_COLUMNS = 6, 3
WIDEST_CELL = 170
HEAD_HEIGHT, CELL_HEIGHT = 26, 44


@dataclass(frozen=True)
class MatrixCell:
    """An arm against the baseline of a target, in F1 as a fraction.

    # Parameters

    difference, interval : from the baseline; ends may be infinite.
    verdict : gives colour and sign.
    """

    difference: float
    interval: tuple[float, float]
    verdict: str


def matrix(
    rows: Mapping[str, Sequence[MatrixCell | None]], arms: Sequence[str], label: str, name: str
) -> Markup:
    """Draw a transfer matrix for wide and narrow pages.

    # Parameters

    rows : by target, a cell for each arm; None if the target has no such arm.
    arms : names of the columns.
    label : what a screen reader says.
    name : of the plot, unique in its page.
    """
    return for_both_widths(lambda width: _draw(rows, arms, width), label, name)


def _draw(
    rows: Mapping[str, Sequence[MatrixCell | None]], arms: Sequence[str], width: int
) -> Figure:
    # On a narrow page the name of a target stands above its cells.
    narrow = width == NARROW
    left, title_height = (4, 20) if narrow else (150, 0)
    most = MOST_NARROW_COLUMNS if narrow else MOST_COLUMNS
    # Blocks of columns that are equally wide.
    columns = ceil(len(arms) / ceil(len(arms) / most))
    cell_width = min((width - left - 4) / columns, WIDEST_CELL)
    row_height = title_height + CELL_HEIGHT
    blocks = [range(i, min(i + columns, len(arms))) for i in range(0, len(arms), columns)]
    block_height = HEAD_HEIGHT + row_height * len(rows)
    height = block_height * len(blocks) + 4

    figure = Figure(figsize=(width / DOTS, height / DOTS), dpi=DOTS)
    axes = figure.add_axes((0, 0, 1, 1))
    # Pixels from the top left corner.
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for number, block in enumerate(blocks):
        top = number * block_height
        for column, k in enumerate(block):
            middle = left + (column + 0.5) * cell_width
            shown = shortened(arms[k], int(cell_width / 7.5))
            _write(axes, middle, top + HEAD_HEIGHT / 2, shown, MUTED)

        for i, (target, cells) in enumerate(rows.items()):
            y = top + HEAD_HEIGHT + i * row_height + title_height
            middle = y - title_height / 2 if narrow else y + CELL_HEIGHT / 2
            _write(axes, 4, middle, shortened(target, 40 if narrow else 18), ha="left")
            for column, k in enumerate(block):
                _cell(axes, left + column * cell_width, y, cell_width, cells[k])
    return figure


def _cell(axes: Axes, x: float, y: float, width: float, cell: MatrixCell | None) -> None:
    """Draw a cell, given its upper left corner."""
    color = LINE if cell is None else OF_VERDICT[cell.verdict]
    corner, size = (x + 2, y + 2), (width - 4, CELL_HEIGHT - 4)
    axes.add_patch(Rectangle(corner, *size, facecolor="none", edgecolor=color, linewidth=1))
    middle = x + width / 2
    if cell is None:
        _write(axes, middle, y + CELL_HEIGHT / 2, "–", MUTED)
        return
    axes.add_patch(Rectangle(corner, *size, facecolor=color, edgecolor="none", alpha=0.16))
    difference = f"{SIGNS[cell.verdict]} {points(cell.difference, signed=True)}"
    _write(axes, middle, y + 15, difference, color, fontsize=TEXT_SIZE + 1, fontweight="bold")
    _write(axes, middle, y + 31, interval(cell.interval), fontsize=TEXT_SIZE - 1)


def _write(axes: Axes, x: float, y: float, shown: str, color: str = INK, **style: Any) -> None:
    settings = {"ha": "center", "va": "center_baseline", "fontsize": TEXT_SIZE, **style}
    axes.text(x, y, shown, color=color, **settings)
