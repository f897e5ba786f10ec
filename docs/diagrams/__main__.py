"""`python -m docs.diagrams` draws every diagram as SVG, for light and for dark pages.

Needs Graphviz. A source says what a node or an edge is by its `class`; looks are set here.
"""

import re
import subprocess
from pathlib import Path

from docs.diagrams.rooms import rooms_dot

FOLDER = Path(__file__).resolve().parent
FONT = "Helvetica, Arial, sans-serif"

# Colours of each class: line, fill and text.
COLOURS = {
    "light": {
        "plain": ("#6b7785", "#eef1f5", "#1d2733"),
        "value": ("#6b7785", "#ffffff", "#1d2733"),
        "file": ("#b58a1b", "#fdf3d8", "#4a3805"),
        "panel": ("#c3cad3", "#00000000", "#1d2733"),
        "faint": ("#00000000", "#00000000", "#5a6572"),
        "shared": ("#6f58b8", "#e7e2f7", "#2c1d66"),
        "target": ("#2f74b8", "#dcebfb", "#0f3861"),
        "auxiliary": ("#3a8a52", "#dff3e4", "#12401f"),
        "adversarial": ("#bf4238", "#fbe0de", "#5f140e"),
    },
    "dark": {
        "plain": ("#93a0ae", "#2b323b", "#e8edf2"),
        "value": ("#93a0ae", "#14181d", "#e8edf2"),
        "file": ("#d3a93c", "#3d3212", "#f8ebc4"),
        "panel": ("#4a5461", "#00000000", "#e8edf2"),
        "faint": ("#00000000", "#00000000", "#aab4bf"),
        "shared": ("#a693e6", "#352b5c", "#ece7ff"),
        "target": ("#69a9e6", "#17385a", "#e0effd"),
        "auxiliary": ("#6cc488", "#173d23", "#dcf6e3"),
        "adversarial": ("#ee8077", "#551f1b", "#fde3e1"),
    },
}
# Classes that look like another one, but for these attributes.
SHAPES = {
    "panel": ("panel", 'label="", style=rounded'),
    "title": ("panel", 'shape=plaintext, style="", fontname="bold", width=2, height=0.3'),
    "note": ("faint", 'shape=plaintext, style="", fontname="mono", fontsize=9'),
    "label": ("faint", 'shape=plaintext, style=""'),
    "corner": ("faint", 'shape=point, label="", width=0, height=0, style=invis'),
}
# Classes of edges, in the line colour of a class of nodes.
EDGES = {"emphasis": "shared", "reversed": "adversarial"}


def main() -> None:
    """Draw all diagrams."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.dot")}
    sources["rooms"] = rooms_dot()
    for name, source in sources.items():
        for theme in COLOURS:
            target = FOLDER / f"{name}-{theme}.svg"
            target.write_text(draw(source, theme), encoding="utf-8")
            print(target)


def draw(source: str, theme: str) -> str:
    """Draw a diagram in the colours of a theme."""
    line, fill, text = COLOURS[theme]["plain"]
    defaults = (
        'bgcolor="transparent"; pad=0.06; splines=line;'
        f'node [fontname="Helvetica", fontsize=11, penwidth=1.2, {_colours(theme, "plain")}];'
        f'edge [fontname="Helvetica", fontsize=10, penwidth=1.2, arrowsize=0.7, color="{line}"];'
    )
    styled = re.sub(r"\bclass=(\w+)", lambda match: _attributes(theme, match[1]), source)
    styled = styled.replace("{", "{" + defaults, 1)
    engine = ["neato", "-n2"] if "pos=" in source else ["dot"]
    drawn = subprocess.run(
        [*engine, "-Tsvg"], input=styled, capture_output=True, text=True, check=True
    ).stdout

    drawn = re.sub(r"<!--.*?-->\n?", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r' font-family="mono[^"]*"', ' font-family="monospace"', drawn)
    drawn = drawn.replace('font-family="bold"', f'font-family="{FONT}" font-weight="bold"')
    return re.sub(r'font-family="Helvetica[^"]*"', f'font-family="{FONT}"', drawn)


def _attributes(theme: str, name: str) -> str:
    if name in EDGES:
        line = COLOURS[theme][EDGES[name]][0]
        return f'color="{line}", fillcolor="{line}", penwidth=1.8'
    colours, shape = SHAPES.get(name, (name, ""))
    return ", ".join(filter(None, (_colours(theme, colours), shape)))


def _colours(theme: str, name: str) -> str:
    line, fill, text = COLOURS[theme][name]
    return f'color="{line}", fillcolor="{fill}", fontcolor="{text}"'


if __name__ == "__main__":
    main()
