"""Parsing the lines of corpora with one character, or unit of characters, per line."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

import regex

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.labels.tag_schemes import OUTSIDE_TAG, TagScheme
from ner_adv_plugin.data.reading.dataset_reader import Task
from ner_adv_plugin.data.reading.lines import blocks
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.reading.tag_guesses import is_bare, likely_scheme, respelled

Units = Literal["characters", "graphemes", "words"]
DOCUMENT = "-DOCSTART-"
# Number of sentences from which the tag scheme of a file is guessed.
SAMPLE_SENTENCES = 1000
_GRAPHEME = regex.compile(r"\X")
_WHITE_SPACE = re.compile("[ \t]+")
_ANY_WHITE_SPACE = re.compile(r"\s")
_JSON = re.compile(r"\s*[\[{]\s*[\[{\"]")


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
        self.file_path = file_path
        self.text = text
        self.counts = counts
        self.tag_after: dict[str, str] = {}
        self.first_line = 0
        self.num_columns = 0
        self._hint: str | None = None

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
        unit = None if mark else self._split(line)[0]
        if skipped and (unit is None or not self._is_tagged(line)):
            what = "document marks skipped" if mark else "comments skipped"
            self.counts.add(what, number)
            return None
        if unit is None:
            expected = self.reader.expected_line()
            raise DataError(self.file_path, number, line, expected + self._hint_on_unit(line))
        return unit

    def _split(self, line: str, units: Units | None = None) -> tuple[str | None, list[str]]:
        """Return the unit and the other columns of a line; None if it has no unit."""
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

    def _tag_of(self, line: str, length: int, number: int) -> str:
        """Return the tag of a line whose unit has a number of characters."""
        rest = line[length:]
        known = self.tag_after.get(rest)
        if known is not None:
            return known

        columns = self._split(line)[1]
        if not columns:
            expected = "a tag column after the character"
            expected += self._hint_on_file(line) or self._hint_on_comment(line)
            raise DataError(self.file_path, number, line, expected)
        if not self.num_columns:
            self.first_line = number
            self.num_columns = len(columns)
        if len(columns) != self.num_columns:
            expected = f"{self.num_columns + 1} columns as in line {self.first_line}"
            expected += self._hint_on_comment(line)
            raise DataError(self.file_path, number, line, expected)

        raw = self._raw_tag(columns)
        if raw is None:
            expected = f"a tag in column {self.reader.tag_column}"
            raise DataError(self.file_path, number, line, expected)
        tag = self._legal_tag(raw, line, number)
        # Other spellings are not remembered, so that all of them are counted.
        return self.tag_after.setdefault(rest, sys.intern(tag)) if tag == raw else tag

    def _raw_tag(self, columns: list[str]) -> str | None:
        column = self.reader.tag_column
        index = column - 1 if column > 0 else column
        return columns[index] if -len(columns) <= index < len(columns) else None

    def _is_tagged(self, line: str) -> bool:
        """Return whether a line has a unit, the right number of columns and a tag."""
        columns = self._split(line)[1]
        raw = self._raw_tag(columns)
        fits = not self.num_columns or len(columns) == self.num_columns
        return fits and raw is not None and self._meaning(raw)[0] is not None

    def _meaning(self, raw: str) -> tuple[str | None, str]:
        """Return the tag that a file's tag is read as, and what is counted; None if it is none."""
        reader = self.reader
        if _ANY_WHITE_SPACE.search(raw):
            return None, ""
        if _is_tag(reader.file_scheme, raw):
            return raw, ""
        meant = raw
        what = ""
        if reader.tag_spelling == "lenient":
            meant = respelled(raw) or (raw.upper() if is_bare(raw.upper()) else raw)
            what = "tags respelled"
        if reader.untyped is not None and is_bare(meant):
            meant = f"{meant}-{reader.untyped}"
            what = "tags without a type"
        return (meant, what) if _is_tag(reader.file_scheme, meant) else (None, "")

    def _legal_tag(self, raw: str, line: str, number: int) -> str:
        tag, what = self._meaning(raw)
        if tag is None:
            scheme = self.reader.file_scheme
            expected = f"a {scheme.name} tag ({scheme.known_tags})"
            hint = self._hint_on_file(line) or self._hint_on_comment(line)
            hint = hint or self._hint_on_tag(raw)
            raise DataError(self.file_path, number, raw, expected + hint)
        if what:
            self.counts.add(what, number)
        return tag

    def hint_on_scheme(self) -> str:
        """Return a hint if the tags of the first sentences fit another scheme than the reader's."""
        if self._hint is None:
            self._hint = self._hint_on_scheme()
        return self._hint

    def _hint_on_scheme(self) -> str:
        tags = [list(own) for own in islice(self._sampled_tags(), SAMPLE_SENTENCES)]
        segmentation = self.reader.task == "segmentation"
        found = likely_scheme(tags, segmentation)
        if found is not None and found != self.reader.file_scheme.name:
            return f": tags look like {found}, set tag_scheme: '{found}'"

        found = likely_scheme(tags, not segmentation)
        if found is not None and not segmentation:
            also = "" if found == self.reader.file_scheme.name else f", tag_scheme: '{found}'"
            return f": tags look like those of words, set task: 'segmentation'{also}"
        return ""

    def _sampled_tags(self) -> Iterator[Iterator[str]]:
        """Yield the tags of the sentences of the file, as far as they can be read."""
        for _, lines in blocks(self.text):
            yield self._readable_tags(lines)

    def _readable_tags(self, lines: list[str]) -> Iterator[str]:
        for line in lines:
            if line.isspace() or line.startswith(DOCUMENT):
                continue
            raw = self._raw_tag(self._split(line)[1])
            if raw is not None:
                bare = self.reader.untyped is not None and is_bare(raw)
                yield f"{raw}-{self.reader.untyped}" if bare else respelled(raw) or raw

    def _hint_on_tag(self, raw: str) -> str:
        scheme = self.reader.file_scheme
        meant = respelled(raw) or (raw.upper() if is_bare(raw.upper()) else None)
        if "\r" in raw:
            return ": line breaks are LF or CRLF, not CR"
        if _ANY_WHITE_SPACE.search(raw):
            parted = self.reader.separator is not None and self._meaning(raw.strip(" \t"))[0]
            return ": it holds white space" + (", set separator: null" if parted else "")
        if meant is not None and _is_tag(scheme, meant) and meant != raw:
            return f": probably {meant}, set tag_spelling: 'lenient'"

        hint = self.hint_on_scheme()
        if not hint and is_bare(raw.upper()) and not scheme.segmentation:
            return ": it has no type, set untyped: 'TYPE' for a type to give it"
        return hint

    def _hint_on_file(self, line: str) -> str:
        """Return a hint if the file is none of lines that begin with a character."""
        if _JSON.match(self.text):
            return ": the file looks like JSON, set type: 'annotations' or 'span_json'"
        first, *others = line.split()
        if len(others) == 1 and len(others[0]) == 1 and self._meaning(first)[0] is not None:
            return ": the tag stands before the character, swap the columns of the file"
        return ""

    def _hint_on_comment(self, line: str) -> str:
        if line.startswith("#") and "#" not in self.reader.comments:
            return ", or a comment: set comments: ['#']"
        return ""

    def _hint_on_unit(self, line: str) -> str:
        """Return a hint on a line that does not begin with a unit and a separator."""
        reader = self.reader
        if line.startswith(DOCUMENT):
            return f": it marks a document, set comments: ['{DOCUMENT}']"
        if hint := self._hint_on_file(line) or self._hint_on_comment(line):
            return hint
        if _is_tag(reader.file_scheme, line.strip()):
            return ": it holds a tag alone, and its character, perhaps a space, is lost"

        separator = reader.separator
        if separator is not None and separator not in line and _WHITE_SPACE.search(line, 1):
            return ": columns look parted by other white space, set separator: null"
        if self._split(line, "graphemes")[1]:
            return ": it begins with a character of several code points, set units: 'graphemes'"
        if self._split(line, "words")[1]:
            return ": the first column holds several characters, set units: 'words'"
        return ""


def _parts(line: str) -> bool:
    """Return whether a line parts sentences: white space, or the mark of a document."""
    return line.isspace() or line.startswith(DOCUMENT)


def _is_tag(scheme: TagScheme, tag: str) -> bool:
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
    match = _WHITE_SPACE.search(line, 1)
    return match.start() if match else len(line)


def is_outside(tags: Iterable[str]) -> bool:
    """Return whether no tag belongs to an entity."""
    return all(tag == OUTSIDE_TAG for tag in tags)
