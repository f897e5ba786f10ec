"""Entity scores, compared with seqeval for flat entities and with sets for others."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score, precision_score, recall_score
from seqeval.scheme import BILOU, IOB2, IOBES

from ner_adv_plugin.data.labels.spans import Span, SpanTable
from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.evaluation.entity_scores import count_entities, entity_scores

TYPES = ["LOC", "ORG", "PER.NAM"]
SEQEVAL = {"BIO": IOB2, "BIOES": IOBES, "BILOU": BILOU}
Sentences = list[list[Span]]

any_spans = st.lists(
    st.builds(
        lambda start, length, name: Span(start, start + length, name),
        st.integers(0, 4),
        st.integers(1, 4),
        st.sampled_from(TYPES),
    ),
    max_size=5,
)


def scores(predicted: Sentences, gold: Sentences, types: list[str] = TYPES) -> dict[str, float]:
    """Compute the scores of lists of spans."""
    return entity_scores(SpanTable.of(predicted), SpanTable.of(gold), types)


@st.composite
def flat(
    draw: st.DrawFn, name: str
) -> tuple[Sentences, Sentences, list[list[str]], list[list[str]]]:
    """Draw flat gold spans and similar predictions, as spans and as tags."""
    scheme = get_scheme(name)
    tag = st.sampled_from(scheme.labels(TYPES[: draw(st.integers(1, 3))]))
    gold = draw(st.lists(st.lists(tag, min_size=1, max_size=10), min_size=1, max_size=5))
    keep = st.integers(0, 3)
    predicted = [[old if draw(keep) else draw(tag) for old in sentence] for sentence in gold]
    legal = [
        [scheme.repair(sentence)[0] for sentence in sentences] for sentences in (predicted, gold)
    ]
    spans = [[scheme.spans(sentence) for sentence in sentences] for sentences in legal]
    return spans[0], spans[1], legal[0], legal[1]


def f1(predicted: set[tuple[int, Span]], gold: set[tuple[int, Span]]) -> float:
    """F1 of sets: twice the intersection over the sum of their sizes."""
    both = len(predicted) + len(gold)
    return 2 * len(predicted & gold) / both if both else 0.0


@pytest.mark.parametrize("name", SEQEVAL)
@given(data=st.data())
def test_scores_of_flat_entities_equal_strict_seqeval(name: str, data: st.DataObject) -> None:
    predicted, gold, predicted_tags, gold_tags = data.draw(flat(name))
    found = scores(predicted, gold)
    options = {"mode": "strict", "scheme": SEQEVAL[name], "zero_division": 0}
    for key, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert found[key] == pytest.approx(score(gold_tags, predicted_tags, **options), abs=1e-12)

    # seqeval cannot report on sentences without any entity.
    report = (
        classification_report(gold_tags, predicted_tags, output_dict=True, **options)
        if found["recall"]
        else {}
    )
    for type_name in TYPES if report else []:
        reference = report[type_name]["f1-score"] if type_name in report else 0.0
        assert found[f"f1_{type_name}"] == pytest.approx(reference, abs=1e-12)


@given(st.lists(st.tuples(any_spans, any_spans), max_size=5))
def test_scores_of_nested_and_repeated_entities_equal_those_of_sets(
    pairs: list[tuple[list[Span], list[Span]]],
) -> None:
    predicted, gold = ([pair[side] for pair in pairs] for side in range(2))
    found = scores(predicted, gold)
    predicted_set, gold_set = (
        {(i, span) for i, own in enumerate(sentences) for span in own}
        for sentences in (predicted, gold)
    )
    assert found["precision"] == pytest.approx(
        len(predicted_set & gold_set) / max(len(predicted_set), 1), abs=1e-12
    )
    assert found["recall"] == pytest.approx(
        len(predicted_set & gold_set) / max(len(gold_set), 1), abs=1e-12
    )
    assert found["f1"] == pytest.approx(f1(predicted_set, gold_set), abs=1e-12)
    for name in TYPES:
        of_type = (
            {pair for pair in spans if pair[1].type == name} for spans in (predicted_set, gold_set)
        )
        assert found[f"f1_{name}"] == pytest.approx(f1(*of_type), abs=1e-12)


@given(st.lists(st.tuples(any_spans, any_spans), max_size=5))
def test_lenient_score_counts_overlaps_with_an_entity_of_the_same_type(
    pairs: list[tuple[list[Span], list[Span]]],
) -> None:
    hits = {0: 0, 1: 0}
    totals = {0: 0, 1: 0}
    for pair in pairs:
        for side in range(2):
            for span in set(pair[side]):
                totals[side] += 1
                hits[side] += any(
                    other.type == span.type
                    and max(span.start, other.start) < min(span.end, other.end)
                    for other in pair[1 - side]
                )
    precision, recall = (hits[side] / totals[side] if totals[side] else 0.0 for side in range(2))
    expected = 2 * precision * recall / (precision + recall) if precision and recall else 0.0
    found = scores([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    assert found["lenient_f1"] == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(any_spans, any_spans), max_size=4))
def test_counts_of_each_sentence_and_type(pairs: list[tuple[list[Span], list[Span]]]) -> None:
    predicted, gold = ([pair[side] for pair in pairs] for side in range(2))
    counts = count_entities(SpanTable.of(predicted), SpanTable.of(gold), TYPES)
    assert counts.types == TYPES
    for i, (predicted_set, gold_set) in enumerate(pairs):
        for j, name in enumerate(TYPES):
            one, two = (
                {span for span in spans if span.type == name} for spans in (predicted_set, gold_set)
            )
            found = (counts.predicted_RC[i, j], counts.gold_RC[i, j], counts.correct_RC[i, j])
            assert found == (len(one), len(two), len(one & two))


def test_scores_by_hand() -> None:
    gold = [[Span(0, 2, "LOC"), Span(3, 4, "ORG")], [Span(0, 1, "LOC")]]
    predicted = [[Span(0, 2, "LOC"), Span(3, 4, "LOC")], []]
    assert scores(predicted, gold) == {
        "f1": pytest.approx(0.4),  # 1 of 2 predicted and 1 of 3 gold entities is correct
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
        "lenient_f1": pytest.approx(0.4),
        "f1_LOC": 0.5,
        "f1_ORG": 0.0,
        "f1_PER.NAM": 0.0,
    }


def test_a_partial_entity_counts_only_in_the_lenient_score() -> None:
    found = scores([[Span(0, 1, "LOC")]], [[Span(0, 2, "LOC")]])
    assert found["lenient_f1"] == 1.0
    assert found["f1"] == found["precision"] == found["recall"] == found["f1_LOC"] == 0.0


def test_types_that_are_not_listed_count_too() -> None:
    found = scores([[Span(0, 1, "X")]], [[Span(0, 1, "X"), Span(1, 2, "W")]], ["PER"])
    assert [key for key in found if key.startswith("f1_")] == ["f1_PER", "f1_W", "f1_X"]
    assert (found["recall"], found["f1_X"], found["f1_W"]) == (0.5, 1.0, 0.0)


@pytest.mark.parametrize("sentences", [[], [[], []]])
def test_scores_without_entities_are_zero_without_warning(sentences: Sentences) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = scores(sentences, sentences)
    assert set(found.values()) == {0.0}
    assert all(type(value) is float for value in found.values())


def test_without_types() -> None:
    assert scores([[]], [[]], []) == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "lenient_f1": 0.0}
    assert count_entities(SpanTable.of([[]]), SpanTable.of([[]])).gold_RC.shape == (1, 0)


def test_the_order_of_sentences_does_not_matter() -> None:
    gold = [[Span(0, 2, "LOC")], [Span(1, 2, "ORG")], [Span(0, 1, "ORG")], [Span(1, 2, "LOC")]]
    predicted = [[Span(0, 2, "LOC")], [Span(1, 2, "LOC")], [Span(0, 1, "ORG")], [Span(0, 2, "LOC")]]
    assert scores(predicted[::-1], gold[::-1]) == scores(predicted, gold)


def test_numbers_of_sentences_must_agree() -> None:
    with pytest.raises(ValueError, match="found 1 and 2 sentences"):
        scores([[]], [[], []])


def test_counts_are_integers() -> None:
    counts = count_entities(
        SpanTable.of([[Span(0, 1, "LOC")]] * 3), SpanTable.of([[Span(0, 1, "LOC")]] * 3)
    )
    assert counts.correct_RC.dtype == np.int64 and counts.correct_RC.tolist() == [[1]] * 3
