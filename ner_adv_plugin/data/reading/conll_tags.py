"""The tags of corpora with one character and its tag per line."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NoReturn, Protocol

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_decoding import TagDecoder
from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.data.reading.bad_records import BadRecords
from ner_adv_plugin.data.reading.conll_hints import SAMPLE_SENTENCES
from ner_adv_plugin.data.reading.conll_lines import LineParser, is_outside
from ner_adv_plugin.data.reading.dataset_reader import Task

logger = logging.getLogger(__name__)

# Sentences of which most have illegal tags, from which another tag scheme is guessed.
_FEW = 3
# Sentences whose tags are decoded together.
_TOGETHER = 4096


class TagPolicy(Protocol):
    """What `ConllReader` says about tags."""

    task: Task
    illegal_tags: Literal["repair", "error"]
    file_scheme: TagScheme
    repaired: dict[str, int]
    illegal_sentences: dict[str, dict[int, int]]

    def count(
        self, file_path: str, what: str, line: int | None = None, n: int = 1, note: str = ""
    ) -> None:
        """See `DatasetReader`."""

    def map_types(self, spans: Iterable[Span]) -> list[Span]:
        """See `EntityReader`."""


class TagReader:
    """Decodes the tags of a file's sentences; counts illegal ones and repairs them as conlleval.

    # Parameters

    reader : says what to do with illegal tags and with types.
    parser : parses the lines of the file.
    """

    def __init__(self, reader: TagPolicy, parser: LineParser) -> None:
        self.reader = reader
        self.parser = parser
        self.num_sentences = 0
        self.num_tagged = 0
        self.num_illegal = 0

    def spans(self, tags: list[str], numbers: Sequence[int]) -> list[Span]:
        """Return the spans of a sentence.

        # Parameters

        tags : the tag of each character.
        numbers : the line of each character.
        """
        reader = self.reader
        scheme = reader.file_scheme
        legal, changed = scheme.repair(tags)
        if changed and reader.illegal_tags == "error":
            self._raise_illegal_tag(tags, numbers)

        if changed:
            illegal = scheme.illegal(tags)
            path = self.parser.file_path
            reader.repaired[path] += changed
            reader.illegal_sentences[path][numbers[0]] = len(illegal)
            line = numbers[min(illegal[0], len(tags) - 1)]
            note = " as conlleval reads them"
            reader.count(path, "illegal tags repaired", line, changed, note)

        if self.num_sentences < SAMPLE_SENTENCES:
            self.num_sentences += 1
            self.num_tagged += not is_outside(tags)
            self.num_illegal += changed > 0
        return self._typed(scheme.spans(legal))

    def legal(self, spans: list[Span]) -> list[Span]:
        """Return the spans of a sentence whose legal tags were decoded to these."""
        if self.num_sentences < SAMPLE_SENTENCES:
            self.num_sentences += 1
            self.num_tagged += bool(spans)
        return self._typed(spans)

    def _typed(self, spans: list[Span]) -> list[Span]:
        return spans if self.reader.task == "segmentation" else self.reader.map_types(spans)

    def warn_of_scheme(self) -> None:
        """Warn if most of the first sentences with entities have illegal tags in this scheme."""
        if self.num_illegal >= max(_FEW, self.num_tagged / 2) and (
            hint := self.parser.hints.on_scheme()
        ):
            message = "%s: %d of the first %d sentences with spans have illegal %s tags%s"
            logger.warning(
                message,
                self.parser.file_path,
                self.num_illegal,
                self.num_tagged,
                self.reader.file_scheme.name,
                hint,
            )

    def _raise_illegal_tag(self, tags: list[str], numbers: Sequence[int]) -> NoReturn:
        position = self.reader.file_scheme.illegal(tags)[0]
        path = self.parser.file_path
        if position == len(tags):
            expected = "a tag that may end a sentence" + self.parser.hints.on_scheme()
            raise DataError(path, numbers[-1], tags[-1], expected)

        before = f"follow {tags[position - 1]!r}" if position else "begin a sentence"
        expected = f"a tag that may {before}{self.parser.hints.on_scheme()}"
        raise DataError(path, numbers[position], tags[position], expected)


class PlainSentences:
    """Sentences whose lines are known strings after single characters, decoded many at a time.

    # Parameters

    reader : decodes the sentences with illegal tags, one at a time.
    bad : receives the errors of these.
    """

    def __init__(self, reader: TagReader, bad: BadRecords) -> None:
        self._reader = reader
        self._bad = bad
        self._decoder = TagDecoder(reader.reader.file_scheme)
        self._code_after = _CodeAfter(reader.parser.tag_after, self._decoder)
        self._texts: list[str] = []
        self._codes: list[str] = []
        self._lines: list[int] = []

    @property
    def is_full(self) -> bool:
        """Whether it is time to `take` the sentences."""
        return len(self._texts) >= _TOGETHER

    def add(self, first: int, lines: Sequence[str]) -> bool:
        """Add a block of lines if it is such a sentence.

        # Parameters

        first : number of the first line.
        lines : its lines, none of them empty.

        # Returns

        Whether it was added.
        """
        code_after = self._code_after
        try:
            codes = "".join([code_after[line[1:]] for line in lines])
        except KeyError:
            return False
        self._texts.append("".join([line[0] for line in lines]))
        self._codes.append(codes)
        self._lines.append(first)
        return True

    def take(self) -> Iterator[tuple[str, list[Span], int]]:
        """Yield text, spans and first line of each sentence added since the last call."""
        texts, codes, lines = self._texts, self._codes, self._lines
        self._texts, self._codes, self._lines = [], [], []
        if not texts:
            return

        decoded = self._decoder.decode(codes)
        for index, (text, line) in enumerate(zip(texts, lines, strict=True)):
            if decoded.legal_R[index]:
                yield text, self._reader.legal(decoded.spans[index]), line
                continue
            tags = [self._decoder.tags[code] for code in codes[index]]
            spans = self._bad.attempt(self._reader.spans, tags, range(line, line + len(tags)))
            if spans is not None:
                yield text, spans, line


class _CodeAfter(dict[str, str]):
    """The code of the tag in each string that follows a character, as far as it is known."""

    def __init__(self, tag_after: dict[str, str], decoder: TagDecoder) -> None:
        super().__init__()
        self._tag_after = tag_after
        self._decoder = decoder

    def __missing__(self, rest: str) -> str:
        tag = self._tag_after[rest]
        if len(self._decoder.tags) >= self._decoder.most_tags and tag not in self._decoder:
            raise KeyError(rest)
        return self.setdefault(rest, self._decoder.code(tag))
