"""The base of all dataset readers."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.reading.normalisers import Normaliser
from ner_adv_plugin.data.reading.overlaps import Flattener, Overlaps

logger = logging.getLogger(__name__)

SAME_AS_DATASET = "<dataset>"
Task = Literal["ner", "segmentation"]
# Python's handlers that decode; not "surrogatepass": two halves of a pair would become one character in JSON.
EncodingErrors = Literal["strict", "replace", "ignore", "backslashreplace", "surrogateescape"]


@dataclass(kw_only=True)
class DatasetReader(Registrable):
    """Turns a corpus file into instances.

    A subclass is a keyword-only dataclass (or any class) that overrides `_read`; its fields are its
    config keys. `task` says what the spans are; a subclass that reads words, too, declares it anew as a key, and so
    does one of entities `annotated_types`.

    # Parameters

    head : the task this dataset belongs to, by the name of its head; the dataset's name by default, null for
        text without labels.
    domain : what a domain discriminator predicts for its sentences; the dataset's name by default.
    illegal_tags : what to do with gold such as `I-X` after `O`: "repair" reads it as conlleval does (`B-X`)
        and counts it, "error" stops.
    overlaps : what to do with entities that nest or overlap: "keep" them (a head that cannot represent them stops
        at the first), "error" stops, "outermost" keeps the longest, "innermost" the shortest, "first" the one that
        stands first in the file; the number of dropped entities is logged.
    max_instances : read at most so many sentences.
    encoding_errors : what to do with bytes that are not UTF-8: Python's name of an error handler; "strict"
        stops, any other says how many lines it touched, and which was the first.
    normalisers : how the encoder is shown the text, each applied to the result of the one before; spans, offsets,
        answers and scores are of the original.
    """

    moved_keys: ClassVar[Mapping[str, str]] = {
        "training_scheme": "The scheme is a key of the head now: model.head.scheme, or model.heads.<head>.scheme."
    }
    task: Task = field(default="ner", init=False)
    annotated_types: list[str] | None = field(default=None, init=False)

    head: str | None = SAME_AS_DATASET
    domain: str = SAME_AS_DATASET
    illegal_tags: Literal["repair", "error"] = "repair"
    overlaps: Overlaps = "keep"
    max_instances: int | None = None
    encoding_errors: EncodingErrors = "strict"
    normalisers: list[Normaliser] = field(default_factory=list)
    repaired: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    # For every file the sentences with illegal tags, by their first line: how many tags cannot follow the one before.
    illegal_sentences: dict[str, dict[int, int]] = field(
        default_factory=dict, init=False, repr=False
    )

    def bind(self, dataset: str) -> None:
        """Set the dataset it reads; `head` and `domain` left open take its name."""
        self.dataset = dataset
        if self.head == SAME_AS_DATASET:
            self.head = dataset
        if self.domain == SAME_AS_DATASET:
            self.domain = dataset

    def read(self, file_path: str | Path) -> InstanceTable:
        """All sentences of a file, in file order.

        # Parameters

        file_path : a path or a URL.

        Raises `DataError` with file and line if a sentence cannot be read, or if the file holds none.
        """
        if not is_url(file_path) and not Path(file_path).is_file():
            raise DataError(file_path, None, "no such file", "a corpus file that exists")
        path = str(file_path)
        return InstanceTable.of(self._read_all(path), getattr(self, "dataset", ""))

    def _read_all(self, file_path: str) -> InstanceTable:
        """The sentences of an existing file, checked; what was repaired or dropped is logged."""
        flattener = Flattener(self.overlaps)
        instances = self._read(file_path)
        if flattener.needed:
            instances = map(flattener, instances)
        table = InstanceTable.of(instances, at_most=self.max_instances)
        if not table:
            raise DataError(file_path, None, "no sentences", "at least one sentence")

        table = table.with_columns(source=file_path)
        if table.spans is not None:
            self._check_spans(table)
            table = self._checked_overlaps(table)
        if flattener.dropped:
            message = '%s: %d entities overlap others and were dropped (overlaps "%s")'
            logger.warning(message, file_path, flattener.dropped, self.overlaps)

        if count := self.repaired.get(file_path):
            words = self.task == "segmentation"
            done = (
                "positions read as inside their word"
                if words
                else "tags repaired as conlleval reads them"
            )
            logger.warning("%s: %d illegal %s", file_path, count, done)
        return table

    def _read(self, file_path: str) -> Iterable[Instance]:
        """The sentences of a file; `read_lines` or `local_path` open it, whether it is a path or a URL."""
        raise NotImplementedError

    def _check_spans(self, table: InstanceTable) -> None:
        """`DataError` if a span leaves its text, or words do not tile it."""
        spans, lengths = table.spans, table.lengths
        assert spans is not None
        wrong_S = (
            (spans.starts_S < 0)
            | (spans.starts_S >= spans.ends_S)
            | (spans.ends_S > lengths[spans.sentences_S])
        )
        if wrong_S.any():
            place = int(np.flatnonzero(wrong_S)[0])
            span = Span(
                int(spans.starts_S[place]),
                int(spans.ends_S[place]),
                spans.types[spans.types_S[place]],
            )
            sentence = int(spans.sentences_S[place])
            expected = f"a span of one or more characters within the text of {lengths[sentence]}"
            raise DataError(
                *table.place(sentence), f"{span.type} [{span.start}, {span.end})", expected
            )

        if self.task == "segmentation" and not _tiles(spans, lengths):
            for sentence, words in enumerate(spans):
                edges = [
                    0,
                    *(edge for word in words or () for edge in (word.start, word.end)),
                    int(lengths[sentence]),
                ]
                gaps = [
                    pair for pair in zip(edges[::2], edges[1::2], strict=True) if pair[0] != pair[1]
                ]
                if words is not None and gaps:
                    end, start = gaps[0]
                    found = (
                        f"[{end}, {start}) in no word"
                        if end < start
                        else f"[{start}, {end}) in two words"
                    )
                    raise DataError(
                        *table.place(sentence), f"characters {found}", "words that tile the text"
                    )

    def _checked_overlaps(self, table: InstanceTable) -> InstanceTable:
        """The table without repeated spans; `DataError` if spans overlap and `overlaps` says "error"."""
        known, spans = table.columns.spans, table.spans
        assert known is not None and spans is not None
        if repeated := int(spans.duplicates_S().sum()):
            message = "%s: %d spans stand twice in their sentence and count once"
            logger.warning(message, table.columns.source, repeated)
            table = table.with_columns(spans=known.distinct())

        found = spans.distinct().first_overlap() if self.overlaps == "error" else None
        if found is not None:
            raise overlap_error(table, found, "entities that do not overlap")
        return table

    def shown(self, text: str) -> str:
        """A text as the encoder is shown it, one character for each of the original."""
        for normaliser in self.normalisers:
            form = normaliser.normalise(text)
            if len(form) != len(text):
                found = f"{len(form)} characters of a text of {len(text)}"
                raise UserError(f"{type(normaliser).__name__} makes {found}: expected one for each")
            text = form
        return text

    def text_to_instance(
        self, text: str, spans: list[Span] | None = None, line: int | None = None
    ) -> Instance:
        """An instance of this dataset.

        # Parameters

        text : the sentence.
        spans : its entities or words; None if it has no labels.
        line : the line of the file at which it begins.
        """
        if spans and isinstance(spans[0], str):
            raise UserError(
                f"{type(self).__name__} gives tags: expected spans, such as those of `TagScheme.spans(tags)`"
            )
        return Instance(
            text, spans, {} if line is None else {"line": line}, getattr(self, "dataset", "")
        )


def overlap_error(table: InstanceTable, found: tuple[int, Span, Span], expected: str) -> DataError:
    """The error of two overlapping spans, with file, line and both spans.

    # Parameters

    table : where they stand.
    found : from `SpanTable.first_overlap`.
    expected : what is accepted instead.
    """
    sentence, *pair = found
    text = table.text(sentence)
    shown = " and ".join(
        f"{span.type} {text[span.start : span.end]} [{span.start}, {span.end})" for span in pair
    )
    return DataError(*table.place(sentence), shown, expected)


def _tiles(spans: SpanTable, lengths_R: np.ndarray) -> bool:
    """Whether the spans of every labelled sentence tile its text."""
    labelled_R = spans.counts_R >= 0
    follows_S = np.zeros(len(spans.starts_S), dtype=bool)
    follows_S[1:] = (spans.starts_S[1:] == spans.ends_S[:-1]) & (np.diff(spans.sentences_S) == 0)
    first_S = np.zeros(len(spans.starts_S), dtype=bool)
    first_S[spans.offsets[:-1][spans.counts_R > 0]] = True
    covered_R = np.zeros(len(spans), dtype=np.int64)
    np.add.at(covered_R, spans.sentences_S, spans.ends_S - spans.starts_S)
    begins_right = ((spans.starts_S == 0) & first_S) | (follows_S & ~first_S)
    return bool(begins_right.all() and (covered_R == lengths_R)[labelled_R].all())
