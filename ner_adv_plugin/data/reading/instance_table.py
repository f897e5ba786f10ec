"""InstanceTable: the sentences of a dataset as integer arrays.

Shape suffixes: R sentences.
"""

import gc
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import index
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.garbage import without_collections
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import SpanTable, concatenated
from ner_adv_plugin.data.reading.texts import HeldTexts, Texts

# The line of a sentence without a known line.
NO_LINE = -1
LINE = "line"
# Number of characters in each part when a table is processed in parts.
CHARACTERS_PER_PART = 1 << 20


@dataclass(frozen=True)
class Columns:
    """The data of R sentences, as columns.

    # Parameters

    texts : the texts.
    lines : `(R,)` number of the line on which each sentence begins, -1 if unknown.
    spans : entities or words; None if no sentence is labelled.
    metadata : additional metadata by index of the sentence, only for sentences that have any.
    source : path of the file that the sentences were read from.
    """

    texts: Texts
    lines: NDArray[np.int32]
    spans: SpanTable | None = None
    metadata: Mapping[int, Mapping[str, Any]] | None = None
    source: str = ""


class InstanceTable(Sequence[Instance]):
    """The sentences of one dataset; a sequence of `Instance`.

    Instances are created on access, and changes to them are not stored. Slices and other selections
    share the texts and spans of their table.

    # Parameters

    columns : the data of the sentences.
    dataset : name of the dataset that they belong to.
    sentences : `(R,)` indices into the columns; None to select all sentences.

    # Examples

    >>> from ner_adv_plugin.data import Instance, Span
    >>> table = InstanceTable.of([Instance("王明", [Span(0, 2, "PER")]), Instance("你好", [])], "a")
    >>> table[0]
    Instance(text='王明', spans=[Span(start=0, end=2, type='PER')], metadata={}, dataset='a')
    >>> [instance.text for instance in table[1:]]
    ['你好']
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
        """Build a table from instances.

        # Parameters

        instances : the sentences; the columns of a table are shared, not copied.
        dataset : name of the dataset that all belong to; None for that of the first instance.
        at_most : maximum number of sentences; None for no limit.
        """
        if isinstance(instances, InstanceTable):
            whole = cls(
                instances.columns,
                instances.dataset if dataset is None else dataset,
                instances._sentences,
            )
            return whole if at_most is None else whole[:at_most]

        builder = _Builder()
        with without_collections():
            for instance in islice(instances, at_most):
                builder.add(instance)
        return cls(builder.columns(), builder.dataset if dataset is None else dataset)

    def __len__(self) -> int:
        return len(self.columns.texts) if self._sentences is None else len(self._sentences)

    @overload
    def __getitem__(self, key: int) -> Instance: ...

    @overload
    def __getitem__(self, key: slice) -> "InstanceTable": ...

    def __getitem__(self, key: int | slice) -> "Instance | InstanceTable":
        if isinstance(key, slice):
            return self.select(np.fromiter(range(*key.indices(len(self))), np.int64))
        sentence = range(len(self))[index(key)]
        return self._instance(self._in_columns(sentence))

    def __eq__(self, other: object) -> bool:
        """Return whether another sequence has equal instances."""
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(
            one == two for one, two in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def streamed(self) -> bool:
        """Whether texts are read from their file on each access; they may not fit into memory."""
        return self.columns.texts.streamed

    @property
    def is_whole(self) -> bool:
        """Whether the table has all sentences of its columns, in their order."""
        return self._sentences is None

    @property
    def spans(self) -> SpanTable | None:
        """The entities or words of the sentences; None if no sentence is labelled."""
        spans = self.columns.spans
        if spans is not None and self._sentences is not None:
            spans = spans.select(self._sentences)
        return spans if spans is not None and spans.labelled else None

    def select(self, sentences: NDArray[np.int64]) -> "InstanceTable":
        """Return a table of the sentences with these indices, in their order."""
        return InstanceTable(
            self.columns,
            self.dataset,
            sentences if self._sentences is None else self._sentences[sentences],
        )

    def with_columns(self, **columns: Any) -> "InstanceTable":
        """Return a table with some of its columns replaced."""
        return InstanceTable(replace(self.columns, **columns), self.dataset, self._sentences)

    def place(self, sentence: int) -> tuple[str, int | None]:
        """Return the file and line of a sentence; the line is None if unknown."""
        line = int(self.columns.lines[self._in_columns(sentence)])
        return self.columns.source or self.dataset, None if line == NO_LINE else line

    @property
    def lengths(self) -> NDArray[np.int32]:
        """`(R,)` number of characters of each sentence."""
        lengths = self.columns.texts.lengths
        return lengths if self._sentences is None else lengths[self._sentences]

    def texts(self) -> Iterator[str]:
        """Iterate over the texts of all sentences."""
        sentences = range(len(self)) if self._sentences is None else self._sentences.tolist()
        return map(self.columns.texts.sentence, sentences)

    def text(self, sentence: int) -> str:
        """Return the text of a sentence, given by its index."""
        return self.columns.texts.sentence(self._in_columns(sentence))

    def joined(self, form: Callable[[str], str] = str) -> Iterator[str]:
        """Yield the texts of all sentences, many of them concatenated each time.

        # Parameters

        form : applied to each text.
        """
        texts = self.columns.texts
        if form is str and self._sentences is None and isinstance(texts, HeldTexts):
            for start in range(0, len(texts.text), CHARACTERS_PER_PART):
                yield texts.text[start : start + CHARACTERS_PER_PART]
            return
        for part in self.parts():
            yield "".join(map(form, part.texts()))

    def parts(self, characters: int = CHARACTERS_PER_PART) -> Iterator["InstanceTable"]:
        """Yield the table in consecutive parts.

        # Parameters

        characters : maximum number of characters in a part, unless it is a single sentence.
        """
        ends = np.cumsum(self.lengths, dtype=np.int64)
        start = 0
        while start < len(self):
            before = int(ends[start - 1]) if start else 0
            end = max(start + 1, int(np.searchsorted(ends, before + characters, side="right")))
            yield self[start:end]
            start = end

    def _in_columns(self, sentence: int) -> int:
        """Return the index into the columns of a sentence of this table."""
        return sentence if self._sentences is None else int(self._sentences[sentence])

    def _instance(self, index_in_columns: int) -> Instance:
        columns = self.columns
        metadata = dict((columns.metadata or {}).get(index_in_columns, {}))
        if columns.lines[index_in_columns] != NO_LINE:
            metadata[LINE] = int(columns.lines[index_in_columns])
        spans = None if columns.spans is None else columns.spans.spans(index_in_columns)
        return Instance(columns.texts.sentence(index_in_columns), spans, metadata, self.dataset)


class _Builder:
    """Collects instances into columns, part by part: objects need ten times the memory."""

    def __init__(self) -> None:
        self.dataset = ""
        self._texts: list[str] = []
        self._spans: list[Any] = []
        self._lines = array("i")
        self._metadata: dict[int, dict[str, Any]] = {}
        self._characters = 0
        # The text, lengths and spans of the parts before.
        self._parts: list[tuple[str, NDArray[np.int32], SpanTable]] = []

    def add(self, instance: Instance) -> None:
        """Add a sentence."""
        if not self._lines:
            self.dataset = instance.dataset

        # A line that does not fit into the column remains in the metadata.
        metadata = instance.metadata
        line = metadata.get(LINE)
        if type(line) is not int or not 0 <= line < 2**31:
            line = NO_LINE
        if len(metadata) > (line != NO_LINE):
            others = {
                key: value for key, value in metadata.items() if key != LINE or line == NO_LINE
            }
            self._metadata[len(self._lines)] = others

        self._lines.append(line)
        self._spans.append(instance.spans)
        self._texts.append(instance.text)
        self._characters += len(instance.text)
        if self._characters >= CHARACTERS_PER_PART:
            self._end_part()

    def columns(self) -> Columns:
        """Return the columns of all sentences added."""
        self._end_part()
        texts, lengths, spans = zip(*self._parts, strict=True)
        return Columns(
            texts=HeldTexts("".join(texts), np.concatenate(lengths)),
            lines=np.array(self._lines, np.int32),
            spans=concatenated(spans),
            metadata=self._metadata,
        )

    def _end_part(self) -> None:
        lengths = np.fromiter(map(len, self._texts), np.int32, len(self._texts))
        types = self._parts[-1][2].types if self._parts else ()
        spans = SpanTable.of(self._spans, types)
        self._parts.append(("".join(self._texts), lengths, spans))
        self._texts, self._spans, self._characters = [], [], 0
        # The youngest objects only: what readers left in cycles since the part before.
        gc.collect(0)
