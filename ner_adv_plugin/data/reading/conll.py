"""Corpora with one character a line, its tag in a column beside it."""

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
from ner_adv_plugin.data.reading.lines import blocks, read_text

_REPLACEMENT = "\ufffd"
_LOST = re.compile(f"^{_REPLACEMENT}+", re.MULTILINE)


@DatasetReader.register("conll")
@dataclass(kw_only=True)
class ConllReader(EntityReader):
    """Reads sentences of one character a line, parted by blank lines. Registered as "conll".

    The first Python character of a line is the character, whatever it is: a space, a tab and U+3000 too.
    Several replacement characters (U+FFFD) that begin a line are one character whose bytes were lost. Only a
    line of nothing but its line break is blank. Every line has as many columns as the first.

    # Parameters

    separator : what stands between columns; null for any run of spaces and tabs.
    tag_column : which column holds the tag, counted from 0, or from the end where negative.
    tag_scheme : scheme of the file's tags.
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
        """The text of a file, every line of which begins with one character."""
        text = read_text(file_path, self.encoding_errors)
        return _LOST.sub(_REPLACEMENT, text) if _REPLACEMENT in text else text

    def _read(self, file_path: str) -> Iterator[Instance]:
        self.repaired[file_path], self.illegal_sentences[file_path] = 0, {}
        parser = _LineParser(self, file_path)
        # Few different things follow a character: each is looked at once.
        tag_after = parser.tag_after
        for first, sentence in blocks(self.text(file_path)):
            try:
                tags = [tag_after[line[1:]] for line in sentence]
            except KeyError:
                tags = [
                    parser.parse(line, number) for number, line in enumerate(sentence, start=first)
                ]
            text = "".join([line[0] for line in sentence])
            yield self.text_to_instance(text, self._entities(tags, file_path, first), first)

    def columns_after_character(self, rest: str) -> list[str] | None:
        """The columns beside the character, from what follows it; None where no separator follows it."""
        if self.separator is not None:
            return rest.split(self.separator)[1:] if rest.startswith(self.separator) else None
        return re.split("[ \t]+", rest.rstrip(" \t"))[1:] if rest.startswith((" ", "\t")) else None

    def expected_line(self) -> str:
        """How a line begins, for messages."""
        return "one character, then " + (
            "a space or tab" if self.separator is None else repr(self.separator)
        )

    def _entities(self, tags: list[str], file_path: str, first_line: int) -> list[Span]:
        """The entities of a sentence; tags that break the scheme are repaired as conlleval reads them, and counted."""
        legal, changed = self.file_scheme.repair(tags)
        if changed and self.illegal_tags == "error":
            _stop_at_illegal(self.file_scheme, tags, file_path, first_line)
        if changed:
            self.repaired[file_path] += changed
            self.illegal_sentences[file_path][first_line] = len(self.file_scheme.illegal(tags))
        return self.map_types(self.file_scheme.spans(legal))


class _LineParser:
    """Checks the lines of one file and remembers which tag stands in what follows a character."""

    def __init__(self, reader: ConllReader, file_path: str) -> None:
        self.reader = reader
        self.file_path = file_path
        self.tag_after: dict[str, str] = {}
        self.first_line = 0
        self.num_columns = 0

    def parse(self, line: str, number: int) -> str:
        """The tag of a line; raises `DataError` where the line is not as the reader describes it."""
        reader, rest = self.reader, line[1:]
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
            raise DataError(
                self.file_path, number, line, f"a tag in column {reader.tag_column}"
            ) from None
        try:
            reader.file_scheme.parse(tag)
        except ValueError:
            expected = f"a {reader.file_scheme.name} tag ({reader.file_scheme.known_tags})"
            raise DataError(self.file_path, number, tag, expected) from None
        return self.tag_after.setdefault(rest, sys.intern(tag))

    def _check_columns(self, columns: list[str], line: str, number: int) -> None:
        if not self.num_columns:
            self.first_line, self.num_columns = number, len(columns)
        if len(columns) != self.num_columns:
            expected = f"{self.num_columns + 1} columns as in line {self.first_line}"
            raise DataError(self.file_path, number, line, expected)


def _stop_at_illegal(
    scheme: TagScheme, tags: list[str], file_path: str, first_line: int
) -> NoReturn:
    position = scheme.illegal(tags)[0]
    if position == len(tags):
        raise DataError(
            file_path, first_line + position - 1, tags[-1], "a tag that may end a sentence"
        )
    before = f"follow {tags[position - 1]!r}" if position else "begin a sentence"
    raise DataError(file_path, first_line + position, tags[position], f"a tag that may {before}")
