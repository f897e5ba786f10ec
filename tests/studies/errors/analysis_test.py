"""Error analysis: worked by hand, and counts that add up whatever the entities."""

from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.studies.errors import (
    ErrorClass,
    TrainingSide,
    analyse,
    count_errors,
    similarity_terciles,
)
from ner_adv_plugin.studies.predictions import Entity
from tests.studies.errors.runs import TEXT, entities, run


@given(st.lists(st.tuples(entities(), entities()), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_groups_add_up_to_the_whole(sentences: list[tuple[set[Entity], set[Entity]]]) -> None:
    found = run(*((TEXT, gold, dict.fromkeys(predicted, 0.5)) for gold, predicted in sentences))
    analysis = analyse([found], [found], TrainingSide([frozenset({("老朱", "A")})], frozenset()))
    tp, fp, fn = found.counts().sum(axis=0)
    assert analysis.overall.a.gold == tp + fn
    assert analysis.overall.a.predicted == tp + fp
    for groups in analysis.by.values():
        assert sum(group.a.gold for group in groups) == tp + fn
        assert sum(group.a.predicted for group in groups) == tp + fp
        for name in ErrorClass:
            whole = analysis.overall.a.classes[name]
            assert sum(group.a.classes[name] for group in groups) == whole
    assert analysis.only_a == analysis.only_b == []


def test_scores_by_hand() -> None:
    gold = {(0, 2, "PER"), (3, 5, "GPE"), (5, 10, "ORG")}
    a = run((TEXT, gold, {(0, 2, "PER"): 0.9, (3, 10, "ORG"): 0.4}))
    b = run((TEXT, gold, {(0, 2, "PER"): 0.8, (3, 5, "GPE"): 0.6, (10, 12, "PER"): 0.3}))
    training = TrainingSide([frozenset({("老朱", "PER"), ("开封", "ORG")})], frozenset({"老朱"}))
    analysis = analyse([a], [b], training)

    assert analysis.overall.a.precision == pytest.approx(1 / 2)
    assert analysis.overall.b.recall == pytest.approx(2 / 3)
    assert analysis.overall.b.f1 == pytest.approx(2 / 3)
    assert analysis.overall.a.classes == {
        ErrorClass.CORRECT: 1,
        ErrorClass.TYPE: 0,
        ErrorClass.BOUNDARY: 1,
        ErrorClass.BOTH: 0,
        ErrorClass.MISSING: 1,
        ErrorClass.SPURIOUS: 0,
    }
    by_type = {group.label: group for group in analysis.by["type"]}
    assert by_type["GPE"].a.f1 == 0 and by_type["GPE"].b.f1 == 1
    assert isnan(by_type["GPE"].a.precision)
    assert by_type["PER"].b.f1 == pytest.approx(2 / 3)

    lengths = {group.label: (group.a.gold, group.b.f1) for group in analysis.by["entity_length"]}
    assert lengths == {"2": (2, pytest.approx(4 / 5)), "5+": (1, 0)}
    # "开封" was seen with another type.
    seen = {group.label: group.a.gold for group in analysis.by["seen"]}
    assert seen == {"seen": 1, "unseen": 2}


def test_scores_are_means_over_seeds() -> None:
    gold = {(0, 2, "PER")}
    hit, miss = run((TEXT, gold, {(0, 2, "PER"): 1.0})), run((TEXT, gold, {(0, 2, "ORG"): 1.0}))
    analysis = analyse([hit, hit, miss, hit], [miss])
    assert analysis.overall.a.f1 == pytest.approx(3 / 4)
    assert analysis.overall.a.classes[ErrorClass.TYPE] == pytest.approx(1 / 4)
    assert (analysis.runs_a, analysis.runs_b) == (4, 1)


def test_seeds_have_their_own_training_sentences() -> None:
    gold = {(0, 2, "PER")}
    found = run((TEXT, gold, {(0, 2, "PER"): 1.0}))
    training = TrainingSide([frozenset({("老朱", "PER")}), frozenset()], frozenset())
    groups = analyse([found, found], [found, found], training).by["seen"]
    assert [(group.label, group.a.gold) for group in groups] == [("seen", 0.5), ("unseen", 0.5)]


def test_similarity_is_the_share_of_bigrams_of_the_source() -> None:
    source = frozenset({"ab", "bc", "cd"})
    # Shares 0, 1/3, 2/3, 1, and 0 for a text without a bigram.
    texts = ["xyz", "abxx", "abcx", "abcd", "a"]
    assert similarity_terciles(texts, source) == ["low", "middle", "high", "high", "low"]
    assert similarity_terciles([], source) == []


def test_other_sentences_are_refused() -> None:
    one, other = run((TEXT, set(), {})), run((TEXT + "。", set(), {}))
    with pytest.raises(UserError, match="sentence 1 is"):
        analyse([one], [other])
    with pytest.raises(UserError, match="one has 1, another 2"):
        analyse([one], [run((TEXT, set(), {}), (TEXT, set(), {}))])


def test_nothing_gold_and_nothing_predicted_is_undefined() -> None:
    nothing = run((TEXT, set(), {}))
    analysis = analyse([nothing], [nothing])
    assert analysis.by == {} and isnan(analysis.overall.a.f1)


def test_groups_of_predictions_that_are_not_gold() -> None:
    found = run((TEXT, set(), {(0, 1, "X"): 1.0}))
    assert set(count_errors(found, lambda i, entity: entity[2])) == {"X"}
