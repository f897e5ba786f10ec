"""Docstrings translated to the reStructuredText that autodoc expects."""

import re
from collections.abc import Iterable, Iterator

from ner_adv_plugin.commands.docstrings import ENTRY, FENCE, SECTION, entries, with_fences

# Sections that autodoc has fields for.
FIELDS = {
    "Parameters": "param",
    "Attributes": "ivar",
    "Raises": "raises",
    "Returns": "returns",
    "Yields": "yields",
}
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)


def to_rst(lines: Iterable[str]) -> list[str]:
    """Translate a docstring to the reStructuredText that autodoc expects."""
    result: list[str] = []
    section = ""
    for block in _blocks(lines):
        title = SECTION.match(block[0])
        fence = FENCE.match(block[0].strip())
        if title:
            section = title[1]
            result += [] if section in FIELDS else [f"**{section}**", ""]
        elif fence:
            result += [f".. code-block:: {fence[2] or 'text'}", ""]
            result += [*(f"    {line}" for line in block[1:-1]), ""]
        elif all(line.startswith("    ") for line in block):
            result += [".. code-block:: text", "", *block, ""]
        elif section in ("Parameters", "Attributes", "Raises") and ENTRY.match(block[0]):
            field = FIELDS[section]
            found = entries("\n".join(block))
            result += [*(f":{field} {name}: {_inline(text)}" for name, text in found), ""]
        elif section in ("Returns", "Yields"):
            result += [
                f":{FIELDS[section]}: {_inline(' '.join(line.strip() for line in block))}",
                "",
            ]
            section = ""
        else:
            result += [*_inline("\n".join(block)).splitlines(), ""]
    return result


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Paragraphs, fenced blocks, and titles of sections alone, without blank lines between them."""
    block: list[str] = []
    inside = False
    for line, fenced in with_fences(lines):
        ends = not fenced and (not line.strip() or SECTION.match(line))
        if block and (ends or fenced != inside or SECTION.match(block[0])):
            yield block
            block = []
        inside = fenced
        if fenced or line.strip():
            block.append(line)
    if block:
        yield block


def _inline(text: str) -> str:
    """Markdown's code spans as literals; what reStructuredText would take for markup, escaped."""
    parts: list[str] = []
    end = 0
    for match in CODE.finditer(text):
        code = " ".join(match[2].split())
        parts += [_escape(text[end : match.start()]), f"``{code}``"]
        end = match.end()
        if text[end : end + 1].isalnum():
            parts.append("\\ ")
    return "".join([*parts, _escape(text[end:])])


def _escape(text: str) -> str:
    return re.sub(r"([*|]|(?<=\w)_(?=\W|$))", r"\\\1", text)
