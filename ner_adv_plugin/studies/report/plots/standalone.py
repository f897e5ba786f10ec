"""Plots as files of their own, for papers and pages."""

import re
from pathlib import Path

from markupsafe import Markup

PALETTE = Path(__file__).parent.parent / "style.css"


def standalone(plot: Markup) -> str:
    """Return the wide form of a plot as an SVG file, with the page's colours, light or dark.

    # Parameters

    plot : the elements `<svg>` of a plot in a page.
    """
    wide = re.search(r'<svg class="plot wide"(.*?)>(.*?)</svg>', plot, flags=re.DOTALL)
    assert wide is not None
    colors = re.findall(r"--[\w-]+: #\w+;", PALETTE.read_text(encoding="utf-8"))
    # The palette stands in the page's style for light, dark, and dark by choice.
    number = len(colors) // 3
    light, dark = " ".join(colors[:number]), " ".join(colors[number : 2 * number])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{wide[1]}>\n'
        f"<style>:root {{ {light} font-family: sans-serif; background: var(--surface) }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        "text { font-family: inherit !important }</style>"
        f"{wide[2]}</svg>\n"
    )
