"""The columns of a line with one character, or unit of characters, and what its tag means."""

import re
from typing import Literal, Protocol

import regex

from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.data.reading.dataset_reader import Task
from ner_adv_plugin.data.reading.tag_guesses import is_bare, respelled

Units = Literal["characters", "graphemes", "words"]
DOCUMENT = "-DOCSTART-"
WHITE_SPACE = re.compile("[ \t]+")
ANY_WHITE_SPACE = re.compile(r"\s")
_GRAPHEME = regex.compile(r"\X")


class LineFormat(Protocol):
    """The keys of `ConllReader` that say how to parse a line."""

    separator: str | None
    tag_column: int
    task: Task
    units: Units
    comments: list[str]
    tag_spelling: Literal["strict", "lenient"]
    untyped: str | None
    file_scheme: TagScheme

    def columns_after_character(self, rest: str) -> list[str] | None:
        """See `ConllReader`."""

    def expected_line(self) -> str:
        """See `ConllReader`."""


class LineColumns:
    """Divides lines and reads tags.

    # Parameters

    reader : says how.
    """

    def __init__(self, reader: LineFormat) -> None:
        self.reader = reader

    def split(self, line: str, units: Units | None = None) -> tuple[str | None, list[str]]:
        """Return the unit and the other columns of a line; None if it has no unit.

        # Parameters

        line : the line.
        units : what a line begins with, by default as the reader says.
        """
        reader = self.reader
        units = units or reader.units
        ends = [1]
        if units == "graphemes":
            ends.append(_GRAPHEME.match(line).end())
        elif units == "words":
            ends.append(_end_of_word(line, reader.separator))

        for end in ends:
            columns = reader.columns_after_character(line[end:])
            if columns is not None:
                return line[:end], columns
        return None, []

    def raw_tag(self, columns: list[str]) -> str | None:
        """Return the tag among the columns after the unit; None if there are too few."""
        column = self.reader.tag_column
        index = column - 1 if column > 0 else column
        return columns[index] if -len(columns) <= index < len(columns) else None

    def meaning(self, raw: str) -> tuple[str | None, str]:
        """Return the tag that a file's tag is read as, and what is counted; None if it is none."""
        reader = self.reader
        if ANY_WHITE_SPACE.search(raw):
            return None, ""
        if is_tag(reader.file_scheme, raw):
            return raw, ""
        meant = raw
        what = ""
        if reader.tag_spelling == "lenient":
            meant = respelled(raw) or (raw.upper() if is_bare(raw.upper()) else raw)
            what = "tags respelled"
        if reader.untyped is not None and is_bare(meant):
            meant = f"{meant}-{reader.untyped}"
            what = "tags without a type"
        return (meant, what) if is_tag(reader.file_scheme, meant) else (None, "")


def is_tag(scheme: TagScheme, tag: str) -> bool:
    """Return whether a tag is one of a scheme."""
    try:
        scheme.parse(tag)
    except ValueError:
        return False
    return True


def _end_of_word(line: str, separator: str | None) -> int:
    """Return the end of the first column, which has at least one character."""
    if separator is not None:
        found = line.find(separator, 1)
        return found if found > 0 else len(line)
    match = WHITE_SPACE.search(line, 1)
    return match.start() if match else len(line)
