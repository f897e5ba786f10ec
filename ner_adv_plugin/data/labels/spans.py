"""Spans: what an annotator marked and a model found, as objects and as columns.

Shape suffixes: R sentences, S spans.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNLABELLED = -1


class Span(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text; `type` is empty for a word."""

    start: int
    end: int
    type: str = ""


class ScoredSpan(NamedTuple):
    """A predicted span and its probability, 0 to 1; NaN if nobody asked for it."""

    start: int
    end: int
    type: str
    score: float

    @property
    def span(self) -> Span:
        """The span without its score."""
        return Span(self.start, self.end, self.type)


def tiling(lengths: Iterable[int]) -> list[Span]:
    """The words of a segmented text, given their lengths in characters."""
    ends = list(accumulate(lengths))
    return list(map(Span, [0, *ends], ends, repeat("")))


@dataclass(frozen=True)
class SpanTable:
    """The spans of many sentences as columns, ordered by sentence, start, end and type.

    # Parameters

    types : names of the span types.
    starts_S, ends_S : characters, counted within each sentence; `ends_S` is exclusive.
    types_S : indices into `types`.
    counts_R : number of spans of each sentence, -1 if it has no labels.
    scores_S : probabilities of predicted spans.
    """

    types: Sequence[str]
    starts_S: NDArray[np.int32]
    ends_S: NDArray[np.int32]
    types_S: NDArray[np.int16]
    counts_R: NDArray[np.int32]
    scores_S: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        sentences: Iterable[Sequence[Span] | Sequence[ScoredSpan] | None],
        types: Sequence[str] = (),
    ) -> "SpanTable":
        """Lay out spans as columns.

        # Parameters

        sentences : the spans of each sentence, None if it has no labels.
        types : names that come first in `types`; others follow in order of appearance.
        """
        index = {name: i for i, name in enumerate(types)}
        counts, starts, ends, kinds = array("i"), array("i"), array("i"), array("h")
        scores = array("f")
        for spans in sentences:
            counts.append(UNLABELLED if spans is None else len(spans))
            if spans:
                columns = list(zip(*sorted(spans), strict=True))
                starts.extend(columns[0])
                ends.extend(columns[1])
                kinds.extend([index.setdefault(name, len(index)) for name in columns[2]])
                if len(columns) > 3:
                    scores.extend(columns[3])

        return cls(
            types=list(index),
            starts_S=np.array(starts, dtype=np.int32),
            ends_S=np.array(ends, dtype=np.int32),
            types_S=np.array(kinds, dtype=np.int16),
            counts_R=np.array(counts, dtype=np.int32),
            scores_S=np.array(scores, dtype=np.float32) if len(scores) else None,
        )

    def __len__(self) -> int:
        """The number of sentences."""
        return len(self.counts_R)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """`(R + 1,)` index of the first span of each sentence, and the end of the last."""
        counts = np.maximum(self.counts_R, 0)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])

    @cached_property
    def sentences_S(self) -> NDArray[np.int64]:
        """`(S,)` sentence of each span."""
        return np.repeat(np.arange(len(self)), np.maximum(self.counts_R, 0))

    @property
    def labelled(self) -> bool:
        """Whether any sentence has labels."""
        return bool((self.counts_R != UNLABELLED).any())

    def spans(self, sentence: int) -> list[Span] | None:
        """The spans of one sentence, None if it has no labels."""
        if self.counts_R[sentence] == UNLABELLED:
            return None
        own = slice(self.offsets[sentence], self.offsets[sentence + 1])
        names = [self.types[i] for i in self.types_S[own].tolist()]
        return list(map(Span, self.starts_S[own].tolist(), self.ends_S[own].tolist(), names))

    def __iter__(self) -> Iterator[list[Span] | None]:
        return map(self.spans, range(len(self)))

    def types_used(self) -> list[str]:
        """The types that occur, sorted."""
        return sorted(self.types[i] for i in np.unique(self.types_S).tolist())

    def select(self, sentences: NDArray[np.int64]) -> "SpanTable":
        """The spans of some sentences, given by index."""
        counts = self.counts_R[sentences]
        sizes = np.maximum(counts, 0)
        first = self.offsets[sentences]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self._taken(np.repeat(first, sizes) + within, counts)

    def keep(self, kept_S: NDArray[np.bool_]) -> "SpanTable":
        """The table with only some of its spans."""
        counts = np.bincount(self.sentences_S[kept_S], minlength=len(self)).astype(np.int32)
        counts[self.counts_R == UNLABELLED] = UNLABELLED
        return self._taken(np.flatnonzero(kept_S), counts)

    def _taken(self, index_S: NDArray[np.int64], counts_R: NDArray[np.int32]) -> "SpanTable":
        return SpanTable(
            types=self.types,
            starts_S=self.starts_S[index_S],
            ends_S=self.ends_S[index_S],
            types_S=self.types_S[index_S],
            counts_R=counts_R,
            scores_S=None if self.scores_S is None else self.scores_S[index_S],
        )

    def with_types(self, types: Sequence[str]) -> "SpanTable":
        """The same spans with `types` first among the names of types; other types that occur follow."""
        names = list(dict.fromkeys([*types, *self.types_used()]))
        index = {name: i for i, name in enumerate(names)}
        # Types that occur nowhere need no index.
        places = np.array([index.get(name, 0) for name in self.types], dtype=np.int16)
        return replace(self, types=names, types_S=places[self.types_S])

    def found_in(self, other: "SpanTable") -> NDArray[np.bool_]:
        """`(S,)` whether each span stands in the same sentence of another table, with the same type."""
        names = list(dict.fromkeys([*self.types, *other.types]))
        tables = [table.with_types(names) for table in (self, other)]
        stride = 1 + max(int(table.ends_S.max(initial=0)) for table in tables)
        places = np.concatenate([table.sentences_S * stride + table.starts_S for table in tables])
        extents = np.concatenate(
            [table.ends_S.astype(np.int64) * len(names) + table.types_S for table in tables]
        )
        is_other = np.repeat([False, True], [len(table.starts_S) for table in tables])

        # Equal spans stand side by side: each run of them is a group.
        order = np.lexsort((extents, places))
        begins = np.ones(len(order), dtype=bool)
        begins[1:] = (np.diff(places[order]) != 0) | (np.diff(extents[order]) != 0)
        groups = np.cumsum(begins) - 1
        found = np.zeros(len(order), dtype=bool)
        found[order] = (np.bincount(groups, is_other[order]) > 0)[groups]
        return found[: len(self.starts_S)]

    def duplicates_S(self) -> NDArray[np.bool_]:
        """`(S,)` whether the same span stands just before in its sentence."""
        columns = (self.sentences_S, self.starts_S, self.ends_S, self.types_S)
        same = np.ones(max(len(self.starts_S) - 1, 0), dtype=bool)
        for column in columns:
            same &= column[1:] == column[:-1]
        return np.concatenate([np.zeros(min(len(self.starts_S), 1), dtype=bool), same])

    def distinct(self) -> "SpanTable":
        """The table with each span once in its sentence."""
        return self.keep(~self.duplicates_S())

    def overlapping_S(self) -> NDArray[np.bool_]:
        """`(S,)` whether a span begins before an earlier one of its sentence has ended."""
        if not len(self.starts_S):
            return np.zeros(0, dtype=bool)
        # Sentences laid far apart on one line, so that a running maximum does not cross them.
        stride = int(self.ends_S.max()) + 1
        base_S = self.sentences_S * stride
        latest_end_S = np.maximum.accumulate(base_S + self.ends_S)
        starts_S = base_S + self.starts_S
        return np.concatenate([[False], starts_S[1:] < latest_end_S[:-1]])

    def first_overlap(self) -> tuple[int, Span, Span] | None:
        """The first sentence with overlapping spans, and the first two of them; None if there is none."""
        overlapping = np.flatnonzero(self.overlapping_S())
        if not len(overlapping):
            return None
        sentence = int(self.sentences_S[overlapping[0]])
        spans = self.spans(sentence)
        assert spans is not None
        later = spans[int(overlapping[0] - self.offsets[sentence])]
        earlier = next(s for s in spans if s.start <= later.start < s.end and s is not later)
        return sentence, earlier, later


def concatenated(tables: Sequence[SpanTable]) -> SpanTable:
    """The sentences of several tables one after another."""
    names = list(dict.fromkeys(name for table in tables for name in table.types))
    tables = [table.with_types(names) for table in tables]
    scored = [table for table in tables if len(table.starts_S)]
    scores = [table.scores_S for table in scored if table.scores_S is not None]
    return SpanTable(
        types=names,
        starts_S=np.concatenate([table.starts_S for table in tables]),
        ends_S=np.concatenate([table.ends_S for table in tables]),
        types_S=np.concatenate([table.types_S for table in tables]),
        counts_R=np.concatenate([table.counts_R for table in tables]),
        scores_S=np.concatenate(scores) if scores and len(scores) == len(scored) else None,
    )
