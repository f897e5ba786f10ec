"""Base class of corpus formats: how annotation tools and libraries store texts with spans."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.files import is_url, local_path
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.formats.corpus_file import AnyOffsets, CorpusFile, RawSentence, checked
from ner_adv_plugin.data.formats.json_file import objects, records
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.text_encoding import AUTO, resolve

# Number of bytes, and of records in them, by which a format is recognised.
HEAD_BYTES = 1 << 20
HEAD_RECORDS = 200


@dataclass
class Head:
    """The beginning of a file, by which formats recognise it.

    # Parameters

    path : a file or a folder.
    """

    path: str
    local: Path = field(init=False)

    def __post_init__(self) -> None:
        self.local = local_path(self.path)

    @cached_property
    def data(self) -> bytes:
        """The first MiB of a file; empty for a folder."""
        if not self.local.is_file():
            return b""
        with self.local.open("rb") as file:
            return file.read(HEAD_BYTES)

    @cached_property
    def text(self) -> str:
        """The first MiB, decoded with the likely encoding."""
        codec, mark = resolve(AUTO, self.data)
        return self.data[mark:].decode(codec, "replace").replace("\r\n", "\n")

    @cached_property
    def lines(self) -> list[str]:
        """The lines of `text` that are not blank."""
        return [line for line in self.text.split("\n") if line.strip()]

    @cached_property
    def records(self) -> list[Any]:
        """The first JSON records; empty if the file does not begin with one."""
        found: list[Any] = []
        if not self.text.lstrip().startswith(("{", "[")):
            return found
        try:
            for _, record in records(self.text, self.path, on_error=lambda error: None):
                found.append(record)
                if len(found) == HEAD_RECORDS:
                    break
        except DataError:
            pass
        return found

    @cached_property
    def objects(self) -> list[dict[str, Any]]:
        """Those of `records` that are objects."""
        return [record for record in self.records if isinstance(record, dict)]


class CorpusFormat(Registrable):
    """Base class of corpus formats. A subclass overrides `read`, `write` and `recognises`.

    Sentences are instances, whose spans count Python's characters. What a format cannot represent
    is refused, so that reading what was written gives the same texts and spans.
    """

    # Whether files of the format can be read.
    is_readable: ClassVar[bool] = True
    # Whether the format is a folder of files; ending of its files, for messages and new files.
    is_folder: ClassVar[bool] = False
    ending: ClassVar[str] = ".jsonl"

    def read(self, file: CorpusFile) -> Iterable[Instance]:
        """Yield the sentences of a file or folder.

        # Raises

        DataError : with file and line, if it is not in this format or a span does not fit its text.
        """
        raise NotImplementedError

    def files_beside(self, path: str) -> Sequence[Path]:
        """Return the other files that are read with a file, such as annotations beside a text.

        # Parameters

        path : an existing file.
        """
        return ()

    def write(self, sentences: Iterable[Instance], path: Path) -> None:
        """Write a file, or fill an empty folder.

        # Parameters

        sentences : the sentences, which may be read lazily and only once.
        path : the file or folder.

        # Raises

        UserError : if a sentence cannot be represented.
        """
        raise UserError(f"{type(self).__name__} cannot be written, only read")

    @classmethod
    def recognises(cls, head: Head) -> str | None:
        """Return the reason why a file is probably in this format; None if it is not."""
        return None


class SpanFormat(CorpusFormat):
    """Base class of formats with spans as positions: a subclass overrides `raw`."""

    offsets: AnyOffsets = "code_points"

    def read(self, file: CorpusFile) -> Iterator[Instance]:
        """See `CorpusFormat.read`."""
        return checked(file, self.raw(file), self.offsets)

    def raw(self, file: CorpusFile) -> Iterator[RawSentence]:
        """Yield the sentences of a file with their spans as the file has them."""
        raise NotImplementedError


class RecordFormat(SpanFormat):
    """Base class of formats of JSON objects with spans: a subclass overrides `sentence`."""

    def raw(self, file: CorpusFile) -> Iterator[RawSentence]:
        """See `SpanFormat.raw`."""
        for line, record in objects(file):
            sentence = file.bad.attempt(self.sentence, file, line, record)
            if sentence is not None:
                yield sentence

    def sentence(self, file: CorpusFile, line: int, record: dict[str, Any]) -> RawSentence | None:
        """Return the sentence of the record on a line; None to leave it out, which is counted."""
        raise NotImplementedError


def refused(number: int, sentence: Instance, why: str, instead: str = "") -> UserError:
    """Build the error for a sentence that a format cannot represent.

    # Parameters

    number : number of the sentence, from 1.
    sentence : the sentence.
    why : what is in the way.
    instead : what to do, as a sentence.
    """
    line = sentence.metadata.get("line")
    place = f"sentence {number}" + ("" if line is None else f" (line {line})")
    text = sentence.text if len(sentence.text) <= 40 else f"{sentence.text[:37]}..."
    shown = json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return UserError(f"{place}, {shown}: {why}." + (f" {instead}" if instead else ""))


def labelled(number: int, sentence: Instance) -> list[Span]:
    """Return the spans of a sentence for a format without unlabelled sentences."""
    if sentence.spans is None:
        raise refused(
            number,
            sentence,
            "it is unlabelled, which this format cannot say",
            "Leave out unlabelled sentences: --unlabelled drop.",
        )
    return sentence.spans


def flat(number: int, sentence: Instance) -> list[Span]:
    """Return the spans of a sentence, sorted, for a format without overlapping ones."""
    spans = sorted(set(labelled(number, sentence)))
    for left, right in zip(spans, spans[1:], strict=False):
        if right.start < left.end:
            pair = " and ".join(
                f"{span.type} {sentence.text[span.start : span.end]} [{span.start}, {span.end})"
                for span in (left, right)
            )
            raise refused(
                number,
                sentence,
                f"{pair} overlap, which this format cannot say",
                "Choose one of them: --overlaps outermost.",
            )
    return spans


def exists(path: str) -> bool:
    """Return whether a path is a URL, a file or a folder."""
    return is_url(path) or Path(path).exists()
