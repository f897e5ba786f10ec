"""What all plots share: colours of the page, two widths, and SVG whose text stays text."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
OF_VERDICT = {"helped": HELPED, "hurt": HURT, "undecided": UNDECIDED, "leaked": UNDECIDED}
# Widths in CSS pixels of the plots for wide and narrow pages, and of their text.
WIDE, NARROW = 860, 340
TEXT_SIZE = 12
# matplotlib's points in an inch: one point is drawn as one CSS pixel.
DOTS = 72


def for_both_widths(draw: Callable[[int], Figure], label: str, name: str) -> Markup:
    """Return two SVGs, of which the page shows the one that fits."""
    return Markup("").join(
        Markup('<svg class="plot {}" role="img" aria-label="{}"').format(fit, label)
        + as_svg(draw(width), f"{name}-{fit}")
        for fit, width in (("wide", WIDE), ("narrow", NARROW))
    )


def as_svg(figure: Figure, salt: str) -> Markup:
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


def without_frame(axes: Axes) -> None:
    """Leave only what is read: numbers, and no frame."""
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.patch.set_visible(False)
    axes.tick_params(length=0, labelcolor=MUTED, labelsize=TEXT_SIZE)


def shortened(name: str, most: int) -> str:
    """Cut a name to a width; a CJK character is as wide as two others."""
    width, kept = 0, ""
    for character in name:
        width += 2 if ord(character) > 0x2E7F else 1
        if width > most:
            return kept[:-1] + "…"
        kept += character
    return kept
