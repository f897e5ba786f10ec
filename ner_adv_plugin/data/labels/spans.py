"""Gold and predicted spans, as objects and as columns of arrays.

Shape suffixes: R sentences, S spans, N selected sentences.
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
    """A typed span of characters in a text.

    # Parameters

    start : index of the first character.
    end : index after the last character.
    type : entity type; empty for a word.

    # Examples

    >>> span = Span(3, 5, "LOC")
    >>> "王明在北京"[span.start : span.end]
    '北京'
    """

    start: int
    end: int
    type: str = ""


class ScoredSpan(NamedTuple):
    """A predicted span with its probability.

    # Parameters

    start : index of the first character.
    end : index after the last character.
    type : entity type; empty for a word.
    score : probability between 0 and 1; NaN if scores were not requested.

    # Examples

    >>> ScoredSpan(3, 5, "LOC", 0.98).span
    Span(start=3, end=5, type='LOC')
    """

    start: int
    end: int
    type: str
    score: float

    @property
    def span(self) -> Span:
        """The span without its score."""
        return Span(self.start, self.end, self.type)


def tiling(lengths: Iterable[int]) -> list[Span]:
    """Return the words of a segmented text as spans.

    # Parameters

    lengths : length of each word in characters.

    # Examples

    >>> tiling([2, 1])
    [Span(start=0, end=2, type=''), Span(start=2, end=3, type='')]
    """
    ends = list(accumulate(lengths))
    return list(map(Span, [0, *ends], ends, repeat("")))


@dataclass(frozen=True)
class SpanTable:
    """The spans of many sentences as columns, ordered by sentence, start, end and type.

    # Parameters

    types : names of the span types.
    starts_S, ends_S : first character and the one after the last, counted within each sentence.
    types_S : indices into `types`.
    counts_R : number of spans in each sentence, -1 if it is unlabelled.
    scores_S : probabilities of predicted spans; None for gold spans.

    # Examples

    >>> table = SpanTable.of([[Span(3, 5, "LOC"), Span(0, 2, "PER")], None, []])
    >>> table.spans(0)
    [Span(start=0, end=2, type='PER'), Span(start=3, end=5, type='LOC')]
    >>> table.counts_R.tolist()
    [2, -1, 0]
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
        """Build a table from lists of spans.

        # Parameters

        sentences : the spans of each sentence, None if it is unlabelled.
        types : names that come first in the table's `types`; others follow in order of appearance.
        """
        index = {name: i for i, name in enumerate(types)}
        counts, starts, ends = array("i"), array("i"), array("i")
        type_ids, scores = array("h"), array("f")

        for spans in sentences:
            counts.append(UNLABELLED if spans is None else len(spans))
            if spans:
                columns = list(zip(*sorted(spans), strict=True))
                starts.extend(columns[0])
                ends.extend(columns[1])
                type_ids.extend([index.setdefault(name, len(index)) for name in columns[2]])
                if len(columns) > 3:
                    scores.extend(columns[3])

        return cls(
            types=list(index),
            starts_S=np.array(starts, dtype=np.int32),
            ends_S=np.array(ends, dtype=np.int32),
            types_S=np.array(type_ids, dtype=np.int16),
            counts_R=np.array(counts, dtype=np.int32),
            scores_S=np.array(scores, dtype=np.float32) if len(scores) else None,
        )

    def __len__(self) -> int:
        """Return the number of sentences."""
        return len(self.counts_R)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """`(R + 1,)` index of the first span of each sentence, followed by the number of spans."""
        counts = np.maximum(self.counts_R, 0)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])

    @cached_property
    def sentences_S(self) -> NDArray[np.int64]:
        """`(S,)` index of the sentence of each span."""
        return np.repeat(np.arange(len(self)), np.maximum(self.counts_R, 0))

    @property
    def labelled(self) -> bool:
        """Whether any sentence is labelled."""
        return bool((self.counts_R != UNLABELLED).any())

    def spans(self, sentence: int) -> list[Span] | None:
        """Return the spans of one sentence, given by its index; None if it is unlabelled."""
        if self.counts_R[sentence] == UNLABELLED:
            return None

        of_sentence = slice(self.offsets[sentence], self.offsets[sentence + 1])
        starts = self.starts_S[of_sentence].tolist()
        ends = self.ends_S[of_sentence].tolist()
        names = [self.types[i] for i in self.types_S[of_sentence].tolist()]
        return list(map(Span, starts, ends, names))

    def __iter__(self) -> Iterator[list[Span] | None]:
        return map(self.spans, range(len(self)))

    def types_used(self) -> list[str]:
        """Return the sorted names of the types that occur."""
        counts = np.bincount(self.types_S, minlength=len(self.types))
        return sorted(self.types[i] for i in np.flatnonzero(counts).tolist())

    def select(self, sentences: NDArray[np.int64]) -> "SpanTable":
        """Return a table of the `(N,)` sentences with these indices, in their order."""
        counts_N = self.counts_R[sentences]
        sizes_N = np.maximum(counts_N, 0)
        first_N = self.offsets[sentences]

        # Index of each selected span within its sentence.
        within = np.arange(sizes_N.sum()) - np.repeat(np.cumsum(sizes_N) - sizes_N, sizes_N)
        return self._take(np.repeat(first_N, sizes_N) + within, counts_N)

    def keep(self, kept_S: NDArray[np.bool_]) -> "SpanTable":
        """Return a table of the spans for which the `(S,)` mask is true; all sentences remain."""
        counts_R = np.bincount(self.sentences_S[kept_S], minlength=len(self)).astype(np.int32)
        counts_R[self.counts_R == UNLABELLED] = UNLABELLED
        return self._take(np.flatnonzero(kept_S), counts_R)

    def _take(self, index_S: NDArray[np.int64], counts_R: NDArray[np.int32]) -> "SpanTable":
        return SpanTable(
            types=self.types,
            starts_S=self.starts_S[index_S],
            ends_S=self.ends_S[index_S],
            types_S=self.types_S[index_S],
            counts_R=counts_R,
            scores_S=None if self.scores_S is None else self.scores_S[index_S],
        )

    def with_types(self, types: Sequence[str]) -> "SpanTable":
        """Return the same spans with type names that start with `types`.

        Other types that occur follow in sorted order; other types that do not occur are dropped.
        """
        names = list(dict.fromkeys([*types, *self.types_used()]))
        index = {name: i for i, name in enumerate(names)}

        # No span refers to a dropped type, so any index will do for it.
        new_ids = np.array([index.get(name, 0) for name in self.types], dtype=np.int16)
        return replace(self, types=names, types_S=new_ids[self.types_S])

    def found_in(self, other: "SpanTable") -> NDArray[np.bool_]:
        """Return an `(S,)` mask of the spans that another table has in the same sentence.

        # Parameters

        other : a table of the same sentences; spans are equal if start, end and type are equal.
        """
        names = list(dict.fromkeys([*self.types, *other.types]))
        tables = [table.with_types(names) for table in (self, other)]
        is_other = np.repeat([False, True], [len(table.starts_S) for table in tables])

        # Two keys identify a span: sentence and start in one, end and type in the other.
        stride = 1 + max(int(table.ends_S.max(initial=0)) for table in tables)
        begins = np.concatenate([table.sentences_S * stride + table.starts_S for table in tables])
        extents = np.concatenate(
            [table.ends_S.astype(np.int64) * len(names) + table.types_S for table in tables]
        )

        # Sorting makes equal spans adjacent: each run of them is a group.
        order = np.lexsort((extents, begins))
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = (np.diff(begins[order]) != 0) | (np.diff(extents[order]) != 0)
        groups = np.cumsum(is_first) - 1

        found = np.zeros(len(order), dtype=bool)
        found[order] = (np.bincount(groups, is_other[order]) > 0)[groups]
        return found[: len(self.starts_S)]

    def duplicates_S(self) -> NDArray[np.bool_]:
        """Return an `(S,)` mask of the spans that equal the span before them in their sentence."""
        columns = (self.sentences_S, self.starts_S, self.ends_S, self.types_S)
        same = np.ones(max(len(self.starts_S) - 1, 0), dtype=bool)
        for column in columns:
            same &= column[1:] == column[:-1]
        return np.concatenate([np.zeros(min(len(self.starts_S), 1), dtype=bool), same])

    def distinct(self) -> "SpanTable":
        """Return a table without the repetitions of a span within its sentence."""
        return self.keep(~self.duplicates_S())

    def overlapping_S(self) -> NDArray[np.bool_]:
        """Return an `(S,)` mask of the spans that begin before an earlier one has ended.

        Only spans of the same sentence are compared.
        """
        if not len(self.starts_S):
            return np.zeros(0, dtype=bool)

        # Sentences are offset so far that the running maximum never reaches into the next one.
        stride = int(self.ends_S.max()) + 1
        base_S = self.sentences_S * stride
        latest_end_S = np.maximum.accumulate(base_S + self.ends_S)
        starts_S = base_S + self.starts_S
        return np.concatenate([[False], starts_S[1:] < latest_end_S[:-1]])

    def first_overlap(self) -> tuple[int, Span, Span] | None:
        """Return the first sentence with overlapping spans and the first two of these spans.

        # Returns

        Index of the sentence, the earlier span and the later span; None if no spans overlap.
        """
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
    """Concatenate the sentences of several tables.

    # Parameters

    tables : at least one; scores are kept only if all tables with spans have them.
    """
    names = list(dict.fromkeys(name for table in tables for name in table.types))
    tables = [table.with_types(names) for table in tables]
    with_spans = [table for table in tables if len(table.starts_S)]
    scores = [table.scores_S for table in with_spans if table.scores_S is not None]

    return SpanTable(
        types=names,
        starts_S=np.concatenate([table.starts_S for table in tables]),
        ends_S=np.concatenate([table.ends_S for table in tables]),
        types_S=np.concatenate([table.types_S for table in tables]),
        counts_R=np.concatenate([table.counts_R for table in tables]),
        scores_S=np.concatenate(scores) if scores and len(scores) == len(with_spans) else None,
    )
