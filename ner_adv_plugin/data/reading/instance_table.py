"""InstanceTable: the sentences of a dataset as integer arrays.

Shape suffixes: R sentences.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import index
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.reading.texts import HeldTexts, Texts

# The line of a sentence that names none.
NO_LINE = -1
LINE = "line"
# Characters of the sentences that are looked at together when a table is read part by part.
CHARACTERS_OF_PART = 1 << 20


@dataclass(frozen=True)
class Columns:
    """What is known of R sentences.

    # Parameters

    texts : their texts.
    lines : `(R,)` the line at which each begins, -1 if unknown.
    spans : their entities or words; None if no sentence has labels.
    metadata : further metadata, by sentence; only of those that have any.
    source : the file they were read from.
    """

    texts: Texts
    lines: NDArray[np.int32]
    spans: SpanTable | None = None
    metadata: Mapping[int, Mapping[str, Any]] | None = None
    source: str = ""


class InstanceTable(Sequence[Instance]):
    """The sentences of one dataset; each is made an `Instance` on access, and changes to it are not kept.

    A slice, like any other selection, shares the texts and spans of the table it is taken from.

    # Parameters

    columns : what is known of the sentences.
    dataset : the dataset they belong to.
    sentences : which sentences of the columns, in order; None takes all.
    """

    def __init__(
        self, columns: Columns, dataset: str = "", sentences: NDArray[np.int64] | None = None
    ) -> None:
        self.columns = columns
        self.dataset = dataset
        self._sentences = sentences

    @classmethod
    def of(
        cls, instances: Iterable[Instance], dataset: str | None = None, at_most: int | None = None
    ) -> "InstanceTable":
        """Lay out instances as a table.

        # Parameters

        instances : the sentences; a table is taken as it is.
        dataset : the dataset that all belong to; None takes the first instance's.
        at_most : the number of sentences taken; None takes all.
        """
        if isinstance(instances, InstanceTable):
            whole = cls(
                instances.columns,
                instances.dataset if dataset is None else dataset,
                instances._sentences,
            )
            return whole if at_most is None else whole[:at_most]

        builder = _Builder()
        for instance in islice(instances, at_most):
            builder.add(instance)
        return cls(builder.columns(), builder.dataset if dataset is None else dataset)

    def __len__(self) -> int:
        return len(self.columns.texts) if self._sentences is None else len(self._sentences)

    @overload
    def __getitem__(self, place: int) -> Instance: ...

    @overload
    def __getitem__(self, place: slice) -> "InstanceTable": ...

    def __getitem__(self, place: int | slice) -> "Instance | InstanceTable":
        if isinstance(place, slice):
            return self.select(np.fromiter(range(*place.indices(len(self))), np.int64))
        place = range(len(self))[index(place)]
        return self._instance(place if self._sentences is None else int(self._sentences[place]))

    def __eq__(self, other: object) -> bool:
        """A table equals any sequence of equal instances."""
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(
            one == two for one, two in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def _instance(self, sentence: int) -> Instance:
        known = self.columns
        metadata = dict((known.metadata or {}).get(sentence, {}))
        if known.lines[sentence] != NO_LINE:
            metadata[LINE] = int(known.lines[sentence])
        spans = None if known.spans is None else known.spans.spans(sentence)
        return Instance(known.texts.sentence(sentence), spans, metadata, self.dataset)

    @property
    def streamed(self) -> bool:
        """Whether texts are read from their file on each access, as they may not fit into memory."""
        return self.columns.texts.streamed

    @property
    def spans(self) -> SpanTable | None:
        """The entities or words of the sentences; None if no sentence has labels."""
        spans = self.columns.spans
        if spans is not None and self._sentences is not None:
            spans = spans.select(self._sentences)
        return spans if spans is not None and spans.labelled else None

    def select(self, sentences: NDArray[np.int64]) -> "InstanceTable":
        """A table of some of the sentences, given by index."""
        return InstanceTable(
            self.columns,
            self.dataset,
            sentences if self._sentences is None else self._sentences[sentences],
        )

    def with_columns(self, **columns: Any) -> "InstanceTable":
        """The table with some of its columns replaced."""
        return InstanceTable(replace(self.columns, **columns), self.dataset, self._sentences)

    def place(self, sentence: int) -> tuple[str, int | None]:
        """File and line of a sentence, None for a line that is not known."""
        line = int(
            self.columns.lines[sentence if self._sentences is None else self._sentences[sentence]]
        )
        return self.columns.source or self.dataset, None if line == NO_LINE else line

    @property
    def lengths(self) -> NDArray[np.int32]:
        """`(R,)` characters of each sentence."""
        lengths = self.columns.texts.lengths
        return lengths if self._sentences is None else lengths[self._sentences]

    def texts(self) -> Iterator[str]:
        """The text of every sentence."""
        sentences = range(len(self)) if self._sentences is None else self._sentences.tolist()
        return map(self.columns.texts.sentence, sentences)

    def text(self, place: int) -> str:
        """The text of one sentence."""
        return self.columns.texts.sentence(
            place if self._sentences is None else int(self._sentences[place])
        )

    def parts(self, characters: int = CHARACTERS_OF_PART) -> Iterator["InstanceTable"]:
        """The table in parts of about so many characters."""
        ends = np.cumsum(self.lengths, dtype=np.int64)
        start = 0
        while start < len(self):
            before = int(ends[start - 1]) if start else 0
            end = max(start + 1, int(np.searchsorted(ends, before + characters, side="right")))
            yield self[start:end]
            start = end


class _Builder:
    """Collects instances one after another."""

    def __init__(self) -> None:
        self.dataset = ""
        self._texts: list[str] = []
        self._spans: list[Any] = []
        self._lines = array("i")
        self._metadata: dict[int, dict[str, Any]] = {}

    def add(self, instance: Instance) -> None:
        """Add a sentence."""
        self.dataset = self.dataset if self._texts else instance.dataset
        metadata = instance.metadata
        line = metadata.get(LINE)
        if type(line) is not int or not 0 <= line < 2**31:
            line = NO_LINE
        if len(metadata) > (line != NO_LINE):
            others = {
                key: value for key, value in metadata.items() if key != LINE or line == NO_LINE
            }
            self._metadata[len(self._texts)] = others

        self._lines.append(line)
        self._spans.append(instance.spans)
        self._texts.append(instance.text)

    def columns(self) -> Columns:
        """All sentences."""
        lengths = np.fromiter(map(len, self._texts), np.int32, len(self._texts))
        return Columns(
            texts=HeldTexts("".join(self._texts), lengths),
            lines=np.array(self._lines, np.int32),
            spans=SpanTable.of(self._spans),
            metadata=self._metadata,
        )
