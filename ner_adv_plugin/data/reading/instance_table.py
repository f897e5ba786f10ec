"""RowTable: the rows of a dataset as integer arrays."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import index
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.texts import HeldTexts, RowTexts

# Stands for a row without a line, or without tags.
NONE = -1
LINE = "line"
# Characters of the rows that are looked at together, where a table is gone through part by part.
CHARACTERS_OF_PART = 1 << 20


@dataclass(frozen=True)
class Columns:
    """What is known of R rows with N tags in all.

    # Parameters

    texts : their texts.
    lines : `(R,)` the line at which each begins; -1 where a row does not say.
    labels : the tags that occur, in the order in which they are met.
    tags : `(N,)` indices into `labels`.
    tag_lengths : `(R,)` tags of each row; -1 where it has none at all.
    metadata : what else a row's metadata hold, by row; only of rows that have any.
    """

    texts: RowTexts
    lines: NDArray[np.int32]
    labels: Sequence[str] = ()
    tags: NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))
    tag_lengths: NDArray[np.int32] | None = None
    metadata: Mapping[int, Mapping[str, Any]] | None = None

    @cached_property
    def tag_offsets(self) -> NDArray[np.int64]:
        """`(R + 1,)` where the tags of each row begin, and the end of the last."""
        lengths = np.zeros(len(self.texts), np.int32) if self.tag_lengths is None else self.tag_lengths
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.maximum(lengths, 0), dtype=np.int64)])


class RowTable(Sequence[Instance]):
    """The rows of one dataset, each made an `Instance` when it is asked for: what is changed there stays there.

    A slice, like any other selection, shares the texts and tags of the table that it is of.

    # Parameters

    columns : what is known of the rows.
    dataset : the dataset they belong to.
    rows : which rows of the columns, in order; None takes all.
    """

    def __init__(self, columns: Columns, dataset: str = "", rows: NDArray[np.int64] | None = None) -> None:
        self.columns = columns
        self.dataset = dataset
        self._rows = rows

    @classmethod
    def of(cls, instances: Iterable[Instance], dataset: str | None = None, at_most: int | None = None) -> "RowTable":
        """Rows as a table.

        # Parameters

        instances : the rows; a table is taken as it is.
        dataset : the dataset that all belong to; None takes what the first says.
        at_most : take so many of them; None takes all.
        """
        if isinstance(instances, RowTable):
            whole = cls(instances.columns, instances.dataset if dataset is None else dataset, instances._rows)
            return whole if at_most is None else whole[:at_most]
        builder = _Builder()
        for instance in instances:
            builder.add(instance)
            if len(builder.texts) == at_most:
                break
        return cls(builder.columns(), builder.dataset if dataset is None else dataset)

    def __len__(self) -> int:
        return len(self.columns.texts) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Instance: ...

    @overload
    def __getitem__(self, place: slice) -> "RowTable": ...

    def __getitem__(self, place: int | slice) -> "Instance | RowTable":
        if isinstance(place, slice):
            return self.select(np.fromiter(range(*place.indices(len(self))), np.int64))
        place = range(len(self))[index(place)]
        return self._instance(place if self._rows is None else int(self._rows[place]))

    def __eq__(self, other: object) -> bool:
        """A table equals any sequence of equal instances."""
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def _instance(self, row: int) -> Instance:
        known = self.columns
        metadata = dict((known.metadata or {}).get(row, {}))
        if known.lines[row] != NONE:
            metadata[LINE] = int(known.lines[row])
        tags = None
        if known.tag_lengths is not None and known.tag_lengths[row] != NONE:
            own = known.tags[known.tag_offsets[row] : known.tag_offsets[row + 1]]
            tags = [known.labels[tag] for tag in own.tolist()]
        return Instance(known.texts.row(row), tags, self.dataset, metadata)

    @property
    def streamed(self) -> bool:
        """Whether texts are read from a file whenever they are asked for, because they may not fit into memory."""
        return self.columns.texts.streamed

    def select(self, rows: NDArray[np.int64]) -> "RowTable":
        """A table of some of the rows, by their places."""
        return RowTable(self.columns, self.dataset, rows if self._rows is None else self._rows[rows])

    @property
    def lengths(self) -> NDArray[np.int32]:
        """`(R,)` characters of each row."""
        return self._of_rows(self.columns.texts.lengths)

    @property
    def tag_lengths(self) -> NDArray[np.int32] | None:
        """`(R,)` tags of each row, -1 where it has none at all; None where no row has any."""
        lengths = self.columns.tag_lengths
        own = None if lengths is None else self._of_rows(lengths)
        return None if own is None or (own == NONE).all() else own

    def _of_rows(self, column: NDArray[np.int32]) -> NDArray[np.int32]:
        return column if self._rows is None else column[self._rows]

    @property
    def labels(self) -> Sequence[str]:
        """What `tags` are indices of; tags that no row here has may be among them."""
        return self.columns.labels

    def tags(self) -> NDArray[np.int16]:
        """The tags of all rows one after another, as indices into `labels`."""
        if self._rows is None:
            return self.columns.tags
        offsets = self.columns.tag_offsets
        runs = np.split(self._rows, np.flatnonzero(np.diff(self._rows) != 1) + 1)
        # Of no row there is one empty run.
        parts = [self.columns.tags[offsets[run[0]] : offsets[run[-1] + 1]] for run in runs if len(run)]
        return np.concatenate([np.zeros(0, np.int16), *parts])

    def labels_used(self) -> list[str]:
        """The tags that occur, each once, in the order in which they are met."""
        tags = self.tags()
        found = np.flatnonzero(np.bincount(tags)).tolist()
        return [self.labels[tag] for tag in sorted(found, key=lambda tag: int(np.argmax(tags == tag)))]

    def texts(self) -> Iterator[str]:
        """The text of every row."""
        return map(self.columns.texts.row, range(len(self)) if self._rows is None else self._rows.tolist())

    def text(self, place: int) -> str:
        """The text of one row."""
        return self.columns.texts.row(place if self._rows is None else int(self._rows[place]))

    def parts(self, characters: int = CHARACTERS_OF_PART) -> Iterator["RowTable"]:
        """The table cut into parts of about so many characters."""
        ends = np.cumsum(self.lengths, dtype=np.int64)
        start = 0
        while start < len(self):
            before = int(ends[start - 1]) if start else 0
            end = max(start + 1, int(np.searchsorted(ends, before + characters, side="right")))
            yield self[start:end]
            start = end


class _Indices(dict[str, int]):
    """Numbers what it is asked for, in the order in which that is met."""

    def __missing__(self, key: str) -> int:
        self[key] = len(self)
        return self[key]


class _Builder:
    """Takes rows one after another."""

    def __init__(self) -> None:
        self.dataset = ""
        self.texts: list[str] = []
        self._indices = _Indices()
        self._tags, self._tag_lengths, self._lines = array("h"), array("i"), array("i")
        self._metadata: dict[int, dict[str, Any]] = {}

    def add(self, instance: Instance) -> None:
        """Take a row."""
        self.dataset = self.dataset if self.texts else instance.dataset
        metadata = instance.metadata
        line = metadata.get(LINE)
        if type(line) is not int or not 0 <= line < 2**31:
            line = NONE
        if len(metadata) > (line != NONE):
            others = {key: value for key, value in metadata.items() if key != LINE or line == NONE}
            self._metadata[len(self.texts)] = others
        self._lines.append(line)
        self._tag_lengths.append(NONE if instance.tags is None else len(instance.tags))
        self._tags.extend(map(self._indices.__getitem__, instance.tags or ()))
        self.texts.append(instance.text)

    def columns(self) -> Columns:
        """All rows."""
        lengths = np.fromiter(map(len, self.texts), np.int32, len(self.texts))
        return Columns(
            texts=HeldTexts("".join(self.texts), lengths),
            lines=np.array(self._lines, np.int32),
            labels=list(self._indices),
            tags=np.array(self._tags, np.int16),
            tag_lengths=np.array(self._tag_lengths, np.int32),
            metadata=self._metadata,
        )
