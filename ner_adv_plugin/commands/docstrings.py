"""Docstrings of this project: Markdown with sections such as `# Parameters`."""

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

SECTION = re.compile(r"^# ([A-Z][A-Za-z ]*)$")
FENCE = re.compile(r"^(```+)(\w*)")
ENTRY = re.compile(r"^(?P<names>\w+(?:, \w+)*) : (?P<meaning>.*)$")
REGISTERED = re.compile(r'\s*Registered as "[^"]+"(, with[^.]*)?\.')


@dataclass(frozen=True)
class Docstring:
    """A docstring, taken apart.

    # Parameters

    summary : its first paragraph, on one line.
    description : the paragraphs between the summary and the first section.
    sections : the text of each section, by title.
    source : the paragraph after the last section, which names a paper; empty if missing.
    """

    summary: str
    description: str
    sections: dict[str, str]
    source: str

    @property
    def examples(self) -> list[str]:
        """Return the code of each fence of its section `# Example`."""
        text = self.sections.get("Example") or self.sections.get("Examples") or ""
        fenced = re.findall(r"^```\w*\n(.*?)^```", text + "\n", re.DOTALL | re.MULTILINE)
        return [code.rstrip() for code in fenced]


def parse(target: Any) -> Docstring:
    """Take the docstring of a class or function apart; that of `object` counts as none."""
    lines = inspect.cleandoc(target.__doc__ or "").splitlines()
    title = ""
    texts: dict[str, list[str]] = {"": []}
    for line, fenced in with_fences(lines):
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


def with_fences(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield every line, and whether it belongs to a fenced block."""
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
    is_part = not start or any(fenced for _, fenced in list(with_fences(lines))[start + 1 :])
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
    """Yield name and meaning of each entry of a section; `one, other : meaning` is two entries."""
    names: list[str] = []
    meaning = ""
    for line in [*section.splitlines(), ""]:
        match = ENTRY.match(line)
        if match or not line.startswith(" "):
            yield from ((name, meaning) for name in names)
            names, meaning = (match["names"].split(", "), match["meaning"]) if match else ([], "")
        else:
            meaning += " " + line.strip()
