"""Docstrings of this project: Markdown with sections such as `# Parameters`."""

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

SECTION = re.compile(r"^# ([A-Z][A-Za-z ]*)$")
FENCE = re.compile(r"^(```+)(\w*)")
# Sections that autodoc has fields for.
FIELDS = {
    "Parameters": "param",
    "Attributes": "ivar",
    "Raises": "raises",
    "Returns": "returns",
    "Yields": "yields",
}
ENTRY = re.compile(r"^(?P<names>\w+(?:, \w+)*) : (?P<meaning>.*)$")
REGISTERED = re.compile(r'\s*Registered as "[^"]+"(, with[^.]*)?\.')
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)


@dataclass(frozen=True)
class Docstring:
    """A docstring, taken apart.

    # Parameters

    summary : its first paragraph, on one line.
    description : the paragraphs between the summary and the first section.
    sections : the text of each section, by title.
    source : the paragraph after the last section, which names a paper; empty if there is none.
    """

    summary: str
    description: str
    sections: dict[str, str]
    source: str

    @property
    def example(self) -> str:
        """The code of the first fence of its section `# Example`; empty if there is none."""
        text = self.sections.get("Example") or self.sections.get("Examples") or ""
        fenced = re.search(r"^```\w*\n(.*?)^```", text + "\n", re.DOTALL | re.MULTILINE)
        return fenced[1].rstrip() if fenced else ""


def parse(target: Any) -> Docstring:
    """Take the docstring of a class or function apart; that of `object` counts as none."""
    lines = inspect.cleandoc(target.__doc__ or "").splitlines()
    title = ""
    texts: dict[str, list[str]] = {"": []}
    for line, fenced in _with_fences(lines):
        match = SECTION.match(line)
        if match and not fenced:
            title = match[1]
            texts[title] = []
        else:
            texts[title].append(line)

    source = _cut_source(texts[title]) if title else ""
    head, _, rest = "\n".join(texts.pop("")).strip().partition("\n\n")
    sections = {name: "\n".join(text).strip() for name, text in texts.items()}
    summary = REGISTERED.sub("", " ".join(head.split()))
    return Docstring(summary, REGISTERED.sub("", rest).strip(), sections, source)


def _with_fences(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Every line, and whether it belongs to a fenced block."""
    mark = ""
    for line in lines:
        match = FENCE.match(line.strip())
        opens = match is not None and not mark
        yield line, bool(mark) or opens
        if opens and match is not None:
            mark = match[1]
        elif line.strip() == mark:
            mark = ""


def _cut_source(lines: list[str]) -> str:
    """Remove the last paragraph of a section if it is no part of the section, and return it."""
    while lines and not lines[-1].strip():
        lines.pop()
    start = next((i for i in range(len(lines) - 1, 0, -1) if not lines[i].strip()), 0)
    paragraph = lines[start + 1 :]
    is_part = not start or any(fenced for _, fenced in list(_with_fences(lines))[start + 1 :])
    if (
        is_part
        or not paragraph
        or ENTRY.match(paragraph[0])
        or paragraph[0].startswith((" ", "-", ">>>"))
    ):
        return ""

    del lines[start:]
    return " ".join(" ".join(paragraph).split())


def entries(section: str) -> Iterator[tuple[str, str]]:
    """Name and meaning of every entry of a section; `one, other : meaning` is two entries."""
    for entry in re.split(r"\n(?=\w[\w., ]* : )", section):
        names, _, meaning = entry.strip().partition(" : ")
        for name in names.split(", "):
            yield name, " ".join(meaning.split())


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
    for line, fenced in _with_fences(lines):
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
