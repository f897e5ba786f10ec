"""Votes on spans, against counting by hand and properties."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.labels.spans import ScoredSpan, tiling
from ner_adv_plugin.data.labels.voting import elected_entities, elected_words

LENGTH = 8


@st.composite
def flat_reading(draw: st.DrawFn) -> list[ScoredSpan]:
    """Entities that do not overlap, of a sentence of 8 characters."""
    ends = sorted(draw(st.sets(st.integers(0, LENGTH), max_size=8)))
    spans = []
    for start, end in zip(ends[::2], ends[1::2], strict=False):
        kind = draw(st.sampled_from(["PER", "LOC"]))
        spans.append(ScoredSpan(start, end, kind, draw(st.floats(0.1, 1.0))))
    return spans


@st.composite
def words(draw: st.DrawFn) -> list[ScoredSpan]:
    """Words of a sentence of 8 characters."""
    inner = draw(st.sets(st.integers(1, LENGTH - 1)))
    ends = [0, *sorted(inner), LENGTH]
    lengths = [b - a for a, b in zip(ends, ends[1:], strict=False)]
    return [ScoredSpan(*word, draw(st.floats(0.1, 1.0))) for word in tiling(lengths)]


@given(st.lists(flat_reading(), min_size=1, max_size=5))
def test_entities_are_those_of_a_majority(readings: list[list[ScoredSpan]]) -> None:
    votes = Counter(span.span for spans in readings for span in spans)
    elected = elected_entities(readings)
    assert [span.span for span in elected] == sorted(
        span for span, count in votes.items() if count > len(readings) / 2
    )
    for span in elected:
        own = [other.score for spans in readings for other in spans if other.span == span.span]
        assert span.score == pytest.approx(sum(own) / len(readings))
    # No two of them overlap.
    for before, after in zip(elected, elected[1:], strict=False):
        assert before.end <= after.start


@given(flat_reading(), st.integers(1, 4))
def test_models_that_agree_elect_what_each_predicts(reading: list[ScoredSpan], models: int) -> None:
    elected = elected_entities([reading] * models)
    assert [span.span for span in elected] == [span.span for span in reading]
    assert [span.score for span in elected] == pytest.approx([span.score for span in reading])


@given(st.lists(words(), min_size=1, max_size=5))
def test_words_are_cut_where_a_majority_cuts(readings: list[list[ScoredSpan]]) -> None:
    elected = elected_words(readings)
    assert [word.span for word in elected] == tiling([word.end - word.start for word in elected])
    assert elected[-1].end == LENGTH
    for place in range(1, LENGTH):
        votes = sum(any(word.end == place for word in own) for own in readings)
        assert any(word.end == place for word in elected) is (votes > len(readings) / 2)


def test_a_sentence_without_characters_has_no_words() -> None:
    assert elected_words([[], []]) == []
    assert elected_entities([[], []]) == []


def test_half_of_the_models_are_no_majority() -> None:
    one = ScoredSpan(0, 2, "PER", 0.8)
    assert elected_entities([[one], []]) == []
    cut = [ScoredSpan(0, 1, "", 0.5), ScoredSpan(1, 2, "", 0.5)]
    assert elected_words([cut, [ScoredSpan(0, 2, "", 0.5)]]) == [ScoredSpan(0, 2, "", 0.25)]
