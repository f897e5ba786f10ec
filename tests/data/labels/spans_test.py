"""Spans as columns, compared with spans as lists."""

from collections import Counter
from itertools import combinations
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.labels.spans import ScoredSpan, Span, SpanTable, concatenated, tiling

T = TypeVar("T")

TYPES = ["PER", "LOC", "A-B"]
spans = st.builds(
    lambda start, length, name: Span(start, start + length, name),
    st.integers(0, 4),
    st.integers(1, 4),
    st.sampled_from(TYPES),
)
scored_spans = st.builds(
    lambda span, score: ScoredSpan(span.start, span.end, span.type, score),
    spans,
    st.floats(0, 1, width=32),
)
# Few positions, so that spans nest, cross, touch and repeat.
sentences = st.lists(st.none() | st.lists(spans, max_size=4), max_size=5)


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans share a character."""
    return bool(set(range(one.start, one.end)) & set(range(other.start, other.end)))


def flat(drawn: list[list[T] | None]) -> list[T]:
    """Concatenate the spans of all sentences."""
    return [span for spans_of_sentence in drawn for span in spans_of_sentence or []]


def in_order(drawn: list[list[Span] | None]) -> list[list[Span] | None]:
    """Sort the spans of each sentence."""
    return [None if of_sentence is None else sorted(of_sentence) for of_sentence in drawn]


def test_span_of_a_scored_span() -> None:
    assert ScoredSpan(1, 3, "PER", 0.5).span == Span(1, 3, "PER")


@given(st.lists(st.text("甲", min_size=1, max_size=3)))
def test_tiling(words: list[str]) -> None:
    starts = [len("".join(words[:i])) for i in range(len(words))]
    assert tiling(map(len, words)) == [
        (start, start + len(word), "") for start, word in zip(starts, words, strict=True)
    ]


@given(sentences)
def test_table_equals_the_lists_it_was_built_from(drawn: list[list[Span] | None]) -> None:
    table = SpanTable.of(drawn)
    assert len(table) == len(drawn) and list(table) == in_order(drawn)
    assert [table.spans(i) for i in range(len(drawn))] == in_order(drawn)
    assert table.sentences_S.tolist() == [
        i for i, of_sentence in enumerate(drawn) for _ in of_sentence or []
    ]
    assert np.diff(table.offsets).tolist() == [len(of_sentence or []) for of_sentence in drawn]
    assert table.labelled == any(of_sentence is not None for of_sentence in drawn)
    assert table.types_used() == sorted({span.type for span in flat(drawn)})
    assert set(table.types) == set(table.types_used()) and table.scores_S is None


@given(st.lists(st.lists(scored_spans, max_size=4), max_size=4))
def test_scores_stay_with_their_spans(drawn: list[list[ScoredSpan]]) -> None:
    table = SpanTable.of(drawn)
    expected = [span.score for of_sentence in drawn for span in sorted(of_sentence)]
    assert ([] if table.scores_S is None else table.scores_S.tolist()) == expected
    backwards = table.select(np.arange(len(drawn))[::-1])
    expected = [span.score for of_sentence in reversed(drawn) for span in sorted(of_sentence)]
    assert ([] if backwards.scores_S is None else backwards.scores_S.tolist()) == expected


def test_named_types_come_first() -> None:
    table = SpanTable.of([[Span(0, 1, "X"), Span(1, 2, "B")]], ["A", "B"])
    assert table.types == ["A", "B", "X"] and table.types_used() == ["B", "X"]


@given(sentences, st.data())
def test_select(drawn: list[list[Span] | None], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(drawn) - 1), max_size=6)) if drawn else []
    table = SpanTable.of(drawn).select(np.array(chosen, dtype=np.int64))
    assert list(table) == [in_order(drawn)[i] for i in chosen]


@given(sentences, st.data())
def test_keep(drawn: list[list[Span] | None], data: st.DataObject) -> None:
    table = SpanTable.of(drawn)
    count = len(table.starts_S)
    kept = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    answers = iter(kept)
    expected = [
        None if of_sentence is None else [span for span in of_sentence if next(answers)]
        for of_sentence in in_order(drawn)
    ]
    assert list(table.keep(np.array(kept, dtype=bool))) == expected


@given(sentences, st.lists(st.sampled_from([*TYPES, "X"]), unique=True))
def test_with_types(drawn: list[list[Span] | None], types: list[str]) -> None:
    table = SpanTable.of(drawn).with_types(types)
    assert list(table) == in_order(drawn)
    assert table.types[: len(types)] == types
    assert set(table.types[len(types) :]) == {span.type for span in flat(drawn)} - set(types)


@given(st.lists(st.tuples(*[st.none() | st.lists(spans, max_size=4)] * 2), max_size=5))
def test_found_in(pairs: list[tuple[list[Span] | None, list[Span] | None]]) -> None:
    drawn, other = ([pair[side] for pair in pairs] for side in range(2))
    found = SpanTable.of(drawn, ["LOC"]).found_in(SpanTable.of(other, ["A-B", "PER"]))
    expected = [
        span in (right or [])
        for left, right in zip(in_order(drawn), other, strict=True)
        for span in left or []
    ]
    assert found.tolist() == expected


@given(sentences)
def test_duplicates(drawn: list[list[Span] | None]) -> None:
    table = SpanTable.of(drawn)
    expected = [
        span in of_sentence[:i]
        for of_sentence in in_order(drawn)
        for i, span in enumerate(of_sentence or [])
    ]  # type: ignore[index]
    assert table.duplicates_S().tolist() == expected
    distinct = [None if of_sentence is None else sorted(set(of_sentence)) for of_sentence in drawn]
    assert list(table.distinct()) == distinct


@given(sentences)
def test_overlaps(drawn: list[list[Span] | None]) -> None:
    table = SpanTable.of(drawn)
    expected = [
        any(overlap(span, earlier) for earlier in (of_sentence or [])[:i])
        for of_sentence in in_order(drawn)
        for i, span in enumerate(of_sentence or [])
    ]
    assert table.overlapping_S().tolist() == expected

    found = table.first_overlap()
    pairs = [
        (i, one, other)
        for i, of_sentence in enumerate(in_order(drawn))
        for one, other in combinations(of_sentence or [], 2)
        if overlap(one, other)
    ]
    assert (found is None) == (not pairs)
    if found is not None:
        first = min(pairs, key=lambda pair: pair[0])[0]
        assert found[0] == first and found in pairs


@given(
    st.lists(
        st.lists(st.none() | st.lists(scored_spans, max_size=3), max_size=3), min_size=1, max_size=4
    )
)
def test_concatenated(parts: list[list[list[ScoredSpan] | None]]) -> None:
    table = concatenated([SpanTable.of(drawn) for drawn in parts])
    whole = SpanTable.of([of_sentence for drawn in parts for of_sentence in drawn])
    assert list(table) == list(whole)
    if whole.scores_S is None:
        assert table.scores_S is None
    else:
        assert table.scores_S is not None and Counter(table.scores_S.tolist()) == Counter(
            whole.scores_S.tolist()
        )


@pytest.mark.parametrize("scored_first", [True, False])
def test_scores_are_dropped_unless_all_tables_have_them(scored_first: bool) -> None:
    tables = [SpanTable.of([[ScoredSpan(0, 1, "X", 0.5)]]), SpanTable.of([[Span(0, 1, "X")]])]
    assert concatenated(tables if scored_first else tables[::-1]).scores_S is None
