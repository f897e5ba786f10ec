"""Markdown that the generated pages share."""

import re
from collections.abc import Iterable

# Text by path below docs/reference/generated, without `.md`.
Pages = dict[str, str]


def row(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(prose(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def prose(text: str) -> str:
    """Markdown in which nothing outside of code is taken for HTML."""
    parts = re.split(r"(```.*?```|`[^`]*`)", text, flags=re.DOTALL)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def toctree(names: Iterable[str]) -> list[str]:
    """Pages that the sidebar shows below this one."""
    return ["```{toctree}", ":hidden:", "", *names, "```", ""]
