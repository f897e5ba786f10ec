"""Corpora with one character and its tag per line."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Literal

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading.conll_columns import Units
from ner_adv_plugin.data.reading.conll_lines import LineParser, num_records, records
from ner_adv_plugin.data.reading.conll_tags import PlainSentences, TagReader
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader, Task
from ner_adv_plugin.data.reading.entity_reader import EntityReader
from ner_adv_plugin.data.reading.lines import blocks
from ner_adv_plugin.data.reading.record_reader import RecordReader

logger = logging.getLogger(__name__)

_REPLACEMENT = "\ufffd"
_LEADING_REPLACEMENTS = re.compile(f"^{_REPLACEMENT}+", re.MULTILINE)
# A single sentence of more characters is a file that lacks blank lines.
_LONG = 1000


@DatasetReader.register("conll")
@dataclass(kw_only=True)
class ConllReader(EntityReader, RecordReader):
    """Reads one character and its tag per line, with empty lines between sentences.

    Registered as "conll". The first Python character of a line is the character, even if it is a
    space, a tab or U+3000. Several replacement characters (U+FFFD) at the beginning of a line are
    one character whose bytes were lost. All lines have as many columns as the first. A line of
    white space alone has no tag: it parts sentences like an empty line, and is counted. A tag that
    holds white space is refused.

    # Parameters

    separator : the text between two columns; null for one or more spaces and tabs.
    tag_column : index of the tag's column, counted from 0, or from the end if negative.
    tag_scheme : tag scheme of the file: "BIO", "BIOES", "BMES", "IOB1" or "BILOU".
    task : "ner" for entities; "segmentation" for words, whose tags are the scheme's letters alone,
        such as `B`, `M`, `E` and `S`.
    units : what the first column holds: "characters", one each; "graphemes", which may have
        several code points, such as emoji; or "words" of any number of characters, such as English
        words and numbers. The tag of a unit is carried to all of its characters.
    comments : beginnings of lines to skip and count, such as `['#', '-DOCSTART-']`. A line that is
        a character and its tag is not a comment. `-DOCSTART-` also parts sentences.
    tag_spelling : "strict" accepts only tags such as `O` and `B-PER`; "lenient" also reads and
        counts `0`, `o`, `B_PER`, `PER-B` and `b-per`.
    untyped : the type of tags without one, such as `B` and `I`; null to refuse them.

    # Example

    ```jsonnet
    { type: 'conll', separator: ' ', tag_column: 1, tag_scheme: 'BIOES' }
    ```

    # Examples

    >>> table = ConllReader().read("fixtures/data/msra/test.bio")
    >>> [(span.type, table[0].text[span.start : span.end]) for span in table[0].spans]
    [('LOC', '瑞士'), ('PER', '崔兴'), ('PER', '廖峰心'), ('LOC', '汕头')]
    """

    cacheable = True

    separator: str | None = None
    tag_column: int = -1
    tag_scheme: str = "BIO"
    task: Task = "ner"
    units: Units = "characters"
    comments: list[str] = field(default_factory=list)
    tag_spelling: Literal["strict", "lenient"] = "strict"
    untyped: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        segmentation = self.task == "segmentation"
        self.file_scheme = get_scheme(self.tag_scheme, segmentation, path="tag_scheme")
        if "" in self.comments:
            raise ConfigurationError('found "": expected beginnings of comments', "comments")
        if self.untyped is not None and (segmentation or not self.untyped):
            expected = "words have no types: expected null" if segmentation else "expected a type"
            raise ConfigurationError(expected, "untyped")
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
        content = self.text(file_path)
        parser = LineParser(self, file_path, content, self.counts_of(file_path))
        decoder = TagReader(self, parser)
        number = length = 0
        for instance in self._sentences_of(content, parser, decoder):
            number, length = number + 1, len(instance.text)
            yield instance

        decoder.warn_of_scheme()
        warn_of_one_sentence(file_path, number, length)

    def _sentences_of(
        self, content: str, parser: LineParser, decoder: TagReader
    ) -> Iterator[Instance]:
        """Yield the sentences of a file's content."""
        bad = self.bad_records(parser.file_path)
        if bad.skips:
            bad.total = num_records(content)

        plain = PlainSentences(decoder, bad)
        for first, lines in blocks(content):
            if plain.add(first, lines):
                if plain.is_full:
                    yield from starmap(self.text_to_instance, plain.take())
                continue
            yield from starmap(self.text_to_instance, plain.take())
            for record in records(first, lines):
                instance = bad.attempt(self._parsed, parser, decoder, *record)
                if instance is not None:
                    yield instance
        yield from starmap(self.text_to_instance, plain.take())

    def _parsed(
        self, parser: LineParser, decoder: TagReader, first: int, lines: Sequence[str]
    ) -> Instance | None:
        """Return the sentence of a record; None if it holds only comments or parts others."""
        sentence = parser.sentence(first, lines)
        if sentence is None:
            return None
        spans = decoder.spans(sentence.tags, sentence.numbers)
        return self.text_to_instance(sentence.text, spans, sentence.first_line)


def warn_of_one_sentence(file_path: str, number: int, length: int) -> None:
    """Warn of a file whose sentences no blank line parts.

    # Parameters

    file_path : the file.
    number : number of its sentences.
    length : number of characters of the last one.
    """
    if number == 1 and length > _LONG:
        message = "%s: no blank line parts sentences: it is one sentence of %d characters"
        logger.warning(message, file_path, length)
