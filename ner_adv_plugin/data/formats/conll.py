"""Columns of characters or words and tags."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat, Head, flat, refused
from ner_adv_plugin.data.formats.tokens import scheme_of, words
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.data.reading.conll import ConllReader
from ner_adv_plugin.data.reading.conll_columns import DOCUMENT, Units
from ner_adv_plugin.data.reading.lines import blocks
from ner_adv_plugin.data.reading.tag_guesses import respelled

logger = logging.getLogger(__name__)

AUTO: Final = "auto"
_TAG = re.compile(r"O|[BIMESLU](-\S+)?")
_COLUMNS = re.compile(r"(?:\S+|\s)(?:[ \t]\S*)*?[ \t]+(?P<tag>\S+)[ \t]*")
# Weibo NER, second edition: a character with its position in its word.
_WEIBO = re.compile(r"[^\s\d]\d{1,2}\t")
# Share of the first lines that must be columns.
_SHARE = 0.9


@CorpusFormat.register("conll")
@dataclass(kw_only=True)
class ConllFormat(CorpusFormat):
    """Columns of units and tags, read as by the reader `conll`. Registered as "conll".

    A line holds a character or a word, and its tag in the last column; blank lines part sentences.
    Whether units are characters or words, and the tag scheme, are recognised and logged. Words are
    joined without spaces. Lines such as `-DOCSTART- -X- O` of Label Studio and comments with `#`
    are skipped and counted.

    # Parameters

    tag_scheme : "BIO", "BIOES", "BMES", "IOB1" or "BILOU"; "auto" recognises it, and writes BIO.
    units : "characters", "words" or "auto", which recognises them, and writes characters. Words
        that are written are runs of ASCII letters and digits, or single characters.
    separator : the text between two columns; null for spaces and tabs, and to write a tab.
    tag_column : index of the tag's column, counted from 0, or from the end if negative.
    tag_spelling : "strict" or "lenient"; see the reader `conll`.
    label_studio : write the columns of Label Studio's CONLL2003 export, `unit -X- _ tag` below
        `-DOCSTART-`.

    # Raises

    DataError : if a line does not have the columns or the scheme.

    # Example

    ```jsonnet
    { type: 'conll', tag_scheme: 'BIOES', units: 'words' }
    ```
    """

    ending = ".txt"

    tag_scheme: Literal["auto", "BIO", "BIOES", "BMES", "IOB1", "BILOU"] = AUTO
    units: Literal["auto", "characters", "words"] = AUTO
    separator: str | None = None
    tag_column: int = -1
    tag_spelling: Literal["strict", "lenient"] = "strict"
    label_studio: bool = False

    def __post_init__(self) -> None:
        if self.separator == "":
            raise ConfigurationError('found "": expected a separator or null', "separator")

    def read(self, file: CorpusFile) -> Iterator[Instance]:
        """See `CorpusFormat.read`."""
        text = file.text()
        units, scheme = self._units(file, text), self._scheme(file, text)
        reader = ConllReader(
            separator=self.separator,
            tag_column=self.tag_column,
            tag_scheme=scheme,
            units=units,
            comments=["#", DOCUMENT],
            tag_spelling=self.tag_spelling,
            illegal_tags=file.illegal_tags,
            encoding=file.encoding,
            encoding_errors=file.errors,  # type: ignore[arg-type]
            on_bad_record=file.on_bad_record,
            max_bad_records=file.max_bad_records,
        )
        yield from reader.sentences(file.path, file.counts)
        file.repaired += reader.repaired[file.path]
        file.illegal_sentences |= reader.illegal_sentences[file.path]

    def _units(self, file: CorpusFile, text: str) -> Units:
        if self.units != AUTO:
            return self.units
        units: Units = "characters" if _has_characters(text) else "words"
        logger.info("%s: one of the %s per line", file.path, units)
        return units

    def _scheme(self, file: CorpusFile, text: str) -> str:
        if self.tag_scheme != AUTO:
            return self.tag_scheme
        return scheme_of(file, self._tags(text), "tag_scheme").name

    def _tags(self, text: str) -> Iterator[list[str]]:
        """Yield the tags of each block to recognise their scheme.

        Of blocks with lines that have no tag, the tags are yielded only if all are such blocks.
        """
        partial = []
        whole = False
        for _, lines in blocks(text):
            tags = [self._tag(line) for line in lines if not _is_skipped(line)]
            meant = [tag for tag in map(_meant, tags) if tag is not None]
            if meant and len(meant) == len(tags):
                whole = True
                yield meant
            elif meant and not whole:
                partial.append(meant)
        if not whole:
            yield from partial

    def _tag(self, line: str) -> str:
        """Return what is in the tag's column of a line; empty if it has no columns."""
        columns = line[1:].split(self.separator)
        if not columns:
            return ""
        column = self.tag_column
        index = column if column < 0 else column - (not line[1:2].isspace())
        return columns[index if -len(columns) <= index < len(columns) else -1]

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """See `CorpusFormat.write`."""
        scheme = get_scheme("BIO" if self.tag_scheme == AUTO else self.tag_scheme)
        separator = " -X- _ " if self.label_studio else self.separator or "\t"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for number, sentence in enumerate(sentences, 1):
                spans = flat(number, sentence)
                _check(number, sentence, spans)
                text = sentence.text
                if number == 1 and self.label_studio:
                    file.write(f"{DOCUMENT} -X- O\n\n")
                elif number == 1 and text.startswith("\ufeff"):
                    # A first U+FEFF would be taken as a byte order mark, so there is one before it.
                    file.write("\ufeff")
                in_words = self.units == "words"
                units = words(text, spans) if in_words else [(i, i + 1) for i in range(len(text))]
                tags = scheme.tags(_of_units(spans, units), len(units))
                for (start, end), tag in zip(units, tags, strict=True):
                    file.write(f"{text[start:end]}{separator}{tag}\n")
                file.write("\n")

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        if head.text.lstrip()[:1] in ("{", "["):
            return None
        lines = [line for line in head.lines[:1000] if not line.startswith((DOCUMENT, "# "))]
        tags = [tag for tag in map(_tag_of, lines) if tag is not None]
        if not lines or len(tags) < _SHARE * len(lines) or _is_weibo(lines):
            return None
        shown = ", ".join(tag for tag, _ in Counter(tags).most_common(3))
        return f"lines of columns that end in a tag ({shown})"


@CorpusFormat.register("weibo")
@dataclass(kw_only=True)
class WeiboFormat(CorpusFormat):
    """Weibo NER, second edition, read as by the reader `weibo`; not written. Registered as "weibo".

    A line holds a character with its position in its word, a tab and a BIO tag: `科0<tab>O`.

    # Example

    ```jsonnet
    { type: 'weibo' }
    ```
    """

    def read(self, file: CorpusFile) -> Iterable[Instance]:
        """See `CorpusFormat.read`."""
        from ner_adv_plugin.data.reading.weibo import WeiboReader

        reader = WeiboReader(
            illegal_tags=file.illegal_tags,
            encoding=file.encoding,
            encoding_errors=file.errors,  # type: ignore[arg-type]
            on_bad_record=file.on_bad_record,
            max_bad_records=file.max_bad_records,
        )
        yield from reader.sentences(file.path, file.counts)
        file.repaired += reader.repaired.get(file.path, 0)
        file.illegal_sentences |= reader.illegal_sentences.get(file.path, {})

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """See `CorpusFormat.recognises`."""
        lines = head.lines[:1000]
        return "characters with their position in a word, then a tag" if _is_weibo(lines) else None


def _is_skipped(line: str) -> bool:
    """Return whether a line is white space, a comment or the mark of a document."""
    is_comment = line.startswith("#") and _tag_of(line) is None
    return line.isspace() or line.startswith(DOCUMENT) or is_comment


def _tag_of(line: str) -> str | None:
    """Return the tag in the last column of a line, in any spelling; None if there is none."""
    match = _COLUMNS.fullmatch(line)
    return match["tag"] if match and _meant(match["tag"]) is not None else None


def _meant(tag: str) -> str | None:
    """Return a tag as schemes spell it; None if it is no tag."""
    return tag if _TAG.fullmatch(tag) else respelled(tag)


def _is_weibo(lines: Sequence[str]) -> bool:
    found = [line for line in lines if _WEIBO.match(line) and _tag_of(line) is not None]
    return bool(lines) and len(found) >= _SHARE * len(lines)


def _has_characters(text: str) -> bool:
    """Return whether every line has a single character, or several that are one, before its tag."""
    lines = (line for line in text.split("\n") if line.strip() and not line.startswith(DOCUMENT))
    return all(line[1:2] in (" ", "\t", "") or line.startswith("#") for line in lines)


def _of_units(spans: Sequence[Span], units: Sequence[tuple[int, int]]) -> list[Span]:
    """Return spans of characters as spans of units."""
    index = {start: i for i, (start, _) in enumerate(units)}
    ends = {end: i + 1 for i, (_, end) in enumerate(units)}
    return [Span(index[start], ends[end], name) for start, end, name in spans]


def _check(number: int, sentence: Instance, spans: Sequence[Span]) -> None:
    """Refuse what columns cannot hold."""
    if "\n" in sentence.text:
        why = "it holds a line break"
        raise refused(number, sentence, why, "Split texts at line breaks: --split-lines.")
    try:
        sentence.text.encode("utf-8")
    except UnicodeEncodeError:
        raise refused(number, sentence, "it holds half of a surrogate pair") from None
    for span in spans:
        if not re.fullmatch(r"\S+", span.type):
            raise refused(number, sentence, f'the type "{span.type}" holds white space')
