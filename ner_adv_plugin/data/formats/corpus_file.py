"""A corpus file or folder that a format reads, and the spans in it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.bad_records import DEFAULT_SHARE, BadRecords, OnBadRecord
from ner_adv_plugin.data.reading.lines import read_text
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts
from ner_adv_plugin.data.reading.span_offsets import Counting, Ends, Mention

# Number of characters before and after a span that an error shows.
AROUND = 12
# What positions count; "auto" chooses by the surfaces in the file.
AnyOffsets = Literal["auto", "code_points", "utf-16"]


@dataclass
class CorpusFile:
    """A file or folder with what is known about how to read it.

    # Parameters

    path : a path or a URL.
    encoding, errors : see `read_text`.
    illegal_tags : how to treat tags that violate their scheme; see `DatasetReader`.
    counts : receives the counts of what is changed or skipped.
    on_bad_record, max_bad_records : how to treat records that cannot be read; see `RecordReader`.
    repaired : number of tags that were repaired.
    illegal_sentences : number of illegal tags by the first line of each sentence that has any.
    """

    path: str
    encoding: str = "utf-8"
    errors: str = "strict"
    illegal_tags: Literal["repair", "error"] = "repair"
    counts: ReadingCounts = field(default_factory=ReadingCounts)
    on_bad_record: OnBadRecord = "error"
    max_bad_records: float = DEFAULT_SHARE
    repaired: int = 0
    illegal_sentences: dict[int, int] = field(default_factory=dict)
    bad: BadRecords = field(init=False)

    def __post_init__(self) -> None:
        self.bad = BadRecords(self.path, self.on_bad_record, self.max_bad_records, self.counts)

    def text(self) -> str:
        """Read the file, with LF as line breaks."""
        return read_text(self.path, self.errors, self.encoding, self.counts)

    def error(self, line: int | None, found: object, expected: str) -> DataError:
        """Build the error for a line."""
        return DataError(self.path, line, found, expected)


@dataclass
class RawSpan:
    """A span as a file has it, not yet checked.

    # Parameters

    start, end : in the units of the file.
    type : entity type.
    surface : the text of the span, if the file has it.
    line : number of its line, if it differs from that of its sentence.
    path : its file, if it differs from that of its sentence.
    """

    start: object
    end: object
    type: object
    surface: str | None = None
    line: int | None = None
    path: str | None = None


@dataclass
class RawSentence:
    """A text with spans as a file has them; `spans` is None if it is unlabelled."""

    line: int | None
    text: str
    spans: list[RawSpan] | None
    path: str | None = None


def checked(
    file: CorpusFile,
    sentences: Iterable[RawSentence],
    offsets: AnyOffsets,
    ends: Ends = "exclusive",
) -> Iterator[Instance]:
    """Yield the sentences with Python's character offsets.

    # Parameters

    file : the file.
    sentences : its sentences.
    offsets : what positions count; "auto" is "utf-16" if only that fits the surfaces of all spans.
    ends : whether `end` is the last character of a span or the one after it.

    # Raises

    DataError : with file, line, span and the text around it, if a span does not fit its text.
    """
    if offsets == "auto":
        sentences = list(sentences)
        offsets = _likely_offsets(sentences, ends)
        if offsets != "code_points":
            note = " (offsets count UTF-16 code units, as in JavaScript)"
            astral = sum(max(sentence.text, default="") > "\uffff" for sentence in sentences)
            file.counts.add("texts with emoji or rare characters", None, astral, note)

    counting = Counting(offsets, ends)
    for sentence in sentences:
        if not sentence.text:
            file.counts.add("empty texts skipped", sentence.line)
            continue
        instance = file.bad.attempt(_instance, file, sentence, counting)
        if instance is not None:
            yield instance


def around(text: str, start: int, end: int) -> str:
    """Return a range of a text with brackets around it and a few characters on either side.

    # Examples

    >>> around("昨天田小雨去了", 2, 5)
    '昨天[田小雨]去了'
    """
    start = max(0, min(start, len(text)))
    end = max(start, min(end, len(text)))
    before = text[max(0, start - AROUND) : start]
    inside = text[start:end] if end - start <= 40 else f"{text[start : start + 37]}..."
    return f"{before}[{inside}]{text[end : end + AROUND]}"


def _instance(file: CorpusFile, sentence: RawSentence, counting: Counting) -> Instance:
    spans = sentence.spans
    checked_spans = (
        None if spans is None else [_span(file, sentence, span, counting) for span in spans]
    )
    metadata = {} if sentence.line is None else {"line": sentence.line}
    return Instance(sentence.text, checked_spans, metadata)


def _span(file: CorpusFile, sentence: RawSentence, raw: RawSpan, counting: Counting) -> Span:
    path = raw.path or sentence.path or file.path
    line = raw.line or sentence.line
    shown = f"{raw.type} [{raw.start}, {raw.end}]"
    start, end, name = raw.start, raw.end, raw.type
    # The exact types are compared because bool is a subclass of int.
    if type(start) is not int or type(end) is not int:
        raise DataError(path, line, shown, "whole numbers as start and end of a span")
    if not isinstance(name, str) or not name:
        raise DataError(path, line, shown, "a non-empty string as type of a span")

    characters = counting.characters(sentence.text, start, end)
    place = f'; the text: "{around(sentence.text, start, end)}"'
    if characters is None:
        raise DataError(path, line, shown, f"{counting.expected(sentence.text)}{place}")
    surface = sentence.text[slice(*characters)]
    if raw.surface is not None and _flat(raw.surface) != _flat(surface):
        expected = f'"{surface}", which is at [{start}, {end}]{place}'
        mention = Mention(sentence.text, raw.surface, start, end)
        for other in (Counting("utf-16", counting.ends), Counting("code_points", counting.ends)):
            if other != counting and other.fits(mention):
                expected += f". Set offsets: '{other.offsets}'?"
        raise DataError(path, line, f'{shown} "{raw.surface}"', expected)
    return Span(*characters, name)


def _flat(surface: str) -> str:
    """Return a surface as tools write it that replace line breaks by spaces."""
    return surface.replace("\r\n", "  ").replace("\n", " ").replace("\r", " ")


def _likely_offsets(
    sentences: Sequence[RawSentence], ends: Ends
) -> Literal["code_points", "utf-16"]:
    """Return the counting that fits the surfaces of all spans; code points if both or none do."""
    mentions = [
        Mention(sentence.text, span.surface, span.start, span.end)
        for sentence in sentences
        if max(sentence.text, default="") > "\uffff"
        for span in sentence.spans or ()
        if span.surface is not None and type(span.start) is int and type(span.end) is int
    ]
    code_points, utf16 = Counting("code_points", ends), Counting("utf-16", ends)
    if not all(map(code_points.fits, mentions)) and all(map(utf16.fits, mentions)):
        return "utf-16"
    return "code_points"
