"""Corpora with one character and its tag per line."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ner_adv_plugin.common.errors import ConfigurationError, DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import TagScheme, get_scheme
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.data.reading.lines import blocks

_REPLACEMENT = "\ufffd"
_LEADING_REPLACEMENTS = re.compile(f"^{_REPLACEMENT}+", re.MULTILINE)


@DatasetReader.register("conll")
@dataclass(kw_only=True)
class ConllReader(EntityReader):
    """Reads one character and its tag per line, with empty lines between sentences.

    Registered as "conll". The first Python character of a line is the character, even if it is a
    space, a tab or U+3000. Several replacement characters (U+FFFD) at the beginning of a line are
    one character whose bytes were lost. A line is empty only if it has nothing but a line break.
    All lines have as many columns as the first.

    # Parameters

    separator : the text between two columns; null for one or more spaces and tabs.
    tag_column : index of the tag's column, counted from 0, or from the end if negative.
    tag_scheme : tag scheme of the file: "BIO", "BIOES", "BMES", "IOB1" or "BILOU".

    # Example

    ```jsonnet
    { type: 'conll', separator: ' ', tag_column: 1, tag_scheme: 'BIOES' }
    ```

    # Examples

    >>> table = ConllReader().read("fixtures/data/msra/test.bio")
    >>> [(span.type, table[0].text[span.start : span.end]) for span in table[0].spans]
    [('LOC', '瑞士'), ('PER', '崔兴'), ('PER', '廖峰心'), ('LOC', '汕头')]
    """

    separator: str | None = None
    tag_column: int = -1
    tag_scheme: str = "BIO"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.file_scheme = get_scheme(self.tag_scheme, path="tag_scheme")
        if self.tag_column == 0:
            raise ConfigurationError(
                "column 0 holds the character: expected another column", "tag_column"
            )
        if self.separator == "":
            raise ConfigurationError('found "": expected a separator or null', "separator")

    def text(self, file_path: str) -> str:
        """Read a file so that every line begins with exactly one character."""
        text = super().text(file_path)
        return _LEADING_REPLACEMENTS.sub(_REPLACEMENT, text) if _REPLACEMENT in text else text

    def columns_after_character(self, rest: str) -> list[str] | None:
        """Split the columns that follow the character.

        # Parameters

        rest : the line without its first character.

        # Returns

        The columns; None if `rest` does not begin with a separator.
        """
        if self.separator is not None:
            return rest.split(self.separator)[1:] if rest.startswith(self.separator) else None
        return re.split("[ \t]+", rest.rstrip(" \t"))[1:] if rest.startswith((" ", "\t")) else None

    def expected_line(self) -> str:
        """Describe the beginning of a line, for error messages."""
        separator = "a space or tab" if self.separator is None else repr(self.separator)
        return f"one character, then {separator}"

    def _read(self, file_path: str) -> Iterator[Instance]:
        self.repaired[file_path] = 0
        self.illegal_sentences[file_path] = {}
        parser = _LineParser(self, file_path)

        # Few distinct strings follow the characters of a file, so each is parsed only once.
        tag_after = parser.tag_after
        for first, lines in blocks(self.text(file_path)):
            try:
                tags = [tag_after[line[1:]] for line in lines]
            except KeyError:
                tags = [parser.parse(line, number) for number, line in enumerate(lines, first)]
            text = "".join([line[0] for line in lines])
            yield self.text_to_instance(text, self._entities(tags, file_path, first), first)

    def _entities(self, tags: list[str], file_path: str, first_line: int) -> list[Span]:
        """Decode the tags of a sentence; count illegal tags and repair them as conlleval does."""
        legal, changed = self.file_scheme.repair(tags)
        if changed and self.illegal_tags == "error":
            _raise_illegal_tag(self.file_scheme, tags, file_path, first_line)

        if changed:
            illegal = self.file_scheme.illegal(tags)
            self.repaired[file_path] += changed
            self.illegal_sentences[file_path][first_line] = len(illegal)
            line = first_line + min(illegal[0], len(tags) - 1)
            note = " as conlleval reads them"
            self.count(file_path, "illegal tags repaired", line, changed, note)
        return self.map_types(self.file_scheme.spans(legal))


class _LineParser:
    """Checks the lines of a file and caches the tag for each string that follows a character."""

    def __init__(self, reader: ConllReader, file_path: str) -> None:
        self.reader = reader
        self.file_path = file_path
        self.tag_after: dict[str, str] = {}
        self.first_line = 0
        self.num_columns = 0

    def parse(self, line: str, number: int) -> str:
        """Return the tag of a line.

        # Parameters

        line : the line, without its line break.
        number : its 1-based number.

        # Raises

        DataError : if the line does not have the reader's format.
        """
        reader = self.reader
        rest = line[1:]
        columns = reader.columns_after_character(rest)
        if columns is None:
            raise DataError(self.file_path, number, line, reader.expected_line())
        if not columns:
            raise DataError(self.file_path, number, line, "a tag column after the character")
        self._check_columns(columns, line, number)

        index = reader.tag_column - 1 if reader.tag_column > 0 else reader.tag_column
        try:
            tag = columns[index]
        except IndexError:
            expected = f"a tag in column {reader.tag_column}"
            raise DataError(self.file_path, number, line, expected) from None

        try:
            reader.file_scheme.parse(tag)
        except ValueError:
            expected = f"a {reader.file_scheme.name} tag ({reader.file_scheme.known_tags})"
            raise DataError(self.file_path, number, tag, expected) from None
        return self.tag_after.setdefault(rest, sys.intern(tag))

    def _check_columns(self, columns: list[str], line: str, number: int) -> None:
        if not self.num_columns:
            self.first_line = number
            self.num_columns = len(columns)
        if len(columns) != self.num_columns:
            expected = f"{self.num_columns + 1} columns as in line {self.first_line}"
            raise DataError(self.file_path, number, line, expected)


def _raise_illegal_tag(
    scheme: TagScheme, tags: list[str], file_path: str, first_line: int
) -> NoReturn:
    position = scheme.illegal(tags)[0]
    if position == len(tags):
        expected = "a tag that may end a sentence"
        raise DataError(file_path, first_line + position - 1, tags[-1], expected)

    before = f"follow {tags[position - 1]!r}" if position else "begin a sentence"
    raise DataError(file_path, first_line + position, tags[position], f"a tag that may {before}")
