"""Parsing the lines of corpora with one character, or unit of characters, per line."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.labels.tag_schemes import OUTSIDE_TAG
from ner_adv_plugin.data.reading.conll_columns import DOCUMENT, LineColumns, LineFormat
from ner_adv_plugin.data.reading.conll_hints import LineHints
from ner_adv_plugin.data.reading.lines import blocks
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts


@dataclass
class TaggedLines:
    """A sentence: its characters, each with a tag and the number of its line."""

    first_line: int
    text: str
    tags: list[str]
    numbers: list[int]


def records(first: int, lines: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Divide a block of lines at those that part sentences, of which each is a record of its own.

    # Parameters

    first : number of the first line.
    lines : consecutive lines.

    # Examples

    >>> list(records(3, ["a O", " ", "b O", "c O"]))
    [(3, ['a O']), (4, [' ']), (5, ['b O', 'c O'])]
    """
    start = 0
    for index, line in enumerate(lines):
        if _parts(line):
            if start < index:
                yield first + start, lines[start:index]
            yield first + index, lines[index : index + 1]
            start = index + 1
    if start < len(lines):
        yield first + start, lines[start:]


def num_records(text: str) -> int:
    """Return the number of records of a file that may be sentences."""
    return sum(
        not _parts(own[0]) for first, lines in blocks(text) for _, own in records(first, lines)
    )


class LineParser:
    """Parses the lines of a file.

    # Parameters

    reader : says how.
    file_path : path of the file, for error messages.
    text : its content, from which error messages guess what it is.
    counts : counts of the file.

    `tag_after` has the tag for each string that follows a single character, once met.
    """

    def __init__(
        self, reader: LineFormat, file_path: str, text: str, counts: ReadingCounts
    ) -> None:
        self.reader = reader
        self.columns = LineColumns(reader)
        self.hints = LineHints(self.columns, text)
        self.file_path = file_path
        self.counts = counts
        self.tag_after: dict[str, str] = {}
        self.first_line = 0
        self.num_columns = 0

    def sentence(self, first: int, lines: Iterable[str]) -> TaggedLines | None:
        """Return the sentence of a record; None if no line has a unit.

        # Parameters

        first, lines : see `records`.

        # Raises

        DataError : if a line does not have the reader's format.
        """
        had_columns = bool(self.num_columns)
        try:
            return self._sentence(first, lines)
        except DataError:
            if not had_columns:
                # If the record is skipped, the next one tells the number of columns.
                self.num_columns = 0
                self.tag_after.clear()
            raise

    def _sentence(self, first: int, lines: Iterable[str]) -> TaggedLines | None:
        sentence = TaggedLines(first, "", [], [])
        units: list[str] = []
        for number, line in enumerate(lines, first):
            if line.isspace():
                self.counts.add("blank lines of white space", number)
            elif (unit := self._unit(line, number)) is not None:
                units.append(unit)
                self._add(sentence, unit, self._tag_of(line, len(unit), number), number)
        sentence.text = "".join(units)
        return sentence if units else None

    def _add(self, sentence: TaggedLines, unit: str, tag: str, number: int) -> None:
        """Append the tags of a unit to a sentence; the first unit sets its first line."""
        if not sentence.tags:
            sentence.first_line = number
        if len(unit) == 1:
            sentence.tags.append(tag)
        else:
            self.counts.add(f"{self.reader.units} of several characters", number)
            sentence.tags += self.reader.file_scheme.carried(tag, len(unit))
        sentence.numbers += [number] * len(unit)

    def _unit(self, line: str, number: int) -> str | None:
        """Return the unit of a line; None if the line is a comment."""
        if line[1:] in self.tag_after:
            return line[0]

        skipped = line.startswith(tuple(self.reader.comments))
        mark = line.startswith(DOCUMENT)
        unit = None if mark else self.columns.split(line)[0]
        if skipped and (unit is None or not self._is_tagged(line)):
            what = "document marks skipped" if mark else "comments skipped"
            self.counts.add(what, number)
            return None
        if unit is None:
            expected = self.reader.expected_line()
            raise DataError(self.file_path, number, line, expected + self.hints.on_unit(line))
        return unit

    def _tag_of(self, line: str, length: int, number: int) -> str:
        """Return the tag of a line whose unit has a number of characters."""
        rest = line[length:]
        known = self.tag_after.get(rest)
        if known is not None:
            return known

        columns = self.columns.split(line)[1]
        if not columns:
            expected = "a tag column after the character"
            expected += self.hints.on_file(line) or self.hints.on_comment(line)
            raise DataError(self.file_path, number, line, expected)
        if not self.num_columns:
            self.first_line = number
            self.num_columns = len(columns)
        if len(columns) != self.num_columns:
            expected = f"{self.num_columns + 1} columns as in line {self.first_line}"
            expected += self.hints.on_comment(line)
            raise DataError(self.file_path, number, line, expected)

        raw = self.columns.raw_tag(columns)
        if raw is None:
            expected = f"a tag in column {self.reader.tag_column}"
            raise DataError(self.file_path, number, line, expected)
        tag = self._legal_tag(raw, line, number)
        # Other spellings are not remembered, so that all of them are counted.
        return self.tag_after.setdefault(rest, sys.intern(tag)) if tag == raw else tag

    def _is_tagged(self, line: str) -> bool:
        """Return whether a line has a unit, the right number of columns and a tag."""
        columns = self.columns.split(line)[1]
        raw = self.columns.raw_tag(columns)
        fits = not self.num_columns or len(columns) == self.num_columns
        return fits and raw is not None and self.columns.meaning(raw)[0] is not None

    def _legal_tag(self, raw: str, line: str, number: int) -> str:
        tag, what = self.columns.meaning(raw)
        if tag is None:
            scheme = self.reader.file_scheme
            expected = f"a {scheme.name} tag ({scheme.known_tags})"
            hint = self.hints.on_file(line) or self.hints.on_comment(line)
            hint = hint or self.hints.on_tag(raw)
            raise DataError(self.file_path, number, raw, expected + hint)
        if what:
            self.counts.add(what, number)
        return tag


def _parts(line: str) -> bool:
    """Return whether a line parts sentences: white space, or the mark of a document."""
    return line.isspace() or line.startswith(DOCUMENT)


def is_outside(tags: Iterable[str]) -> bool:
    """Return whether no tag belongs to an entity."""
    return all(tag == OUTSIDE_TAG for tag in tags)
