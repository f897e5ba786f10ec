"""Matches of gold and predicted entities: every entity is matched once."""

import pytest
from hypothesis import given

from ner_adv_plugin.studies.errors import OF_GOLD, OF_PREDICTED, ErrorClass, match_entities
from ner_adv_plugin.studies.predictions import Entity
from tests.studies.errors.runs import entities


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ((3, 5, "GPE"), ErrorClass.CORRECT),
        ((3, 5, "PER"), ErrorClass.TYPE),
        ((2, 5, "GPE"), ErrorClass.BOUNDARY),
        ((4, 7, "ORG"), ErrorClass.BOTH),
    ],
)
def test_classes_of_a_pair(predicted: Entity, expected: ErrorClass) -> None:
    (match,) = match_entities([(3, 5, "GPE")], [predicted])
    assert match.error_class is expected
    assert (match.gold, match.predicted) == ((3, 5, "GPE"), predicted)


def test_entities_that_touch_do_not_overlap() -> None:
    found = {match.error_class for match in match_entities([(0, 2, "A")], [(2, 4, "A")])}
    assert found == {ErrorClass.MISSING, ErrorClass.SPURIOUS}


def test_a_gold_entity_is_matched_once_and_with_the_nearest() -> None:
    # (0, 4) is halved by two predictions: the larger part is its boundary error.
    matches = match_entities([(0, 4, "A")], [(0, 1, "A"), (1, 4, "A")])
    assert [(match.error_class, match.predicted) for match in matches] == [
        (ErrorClass.BOUNDARY, (1, 4, "A")),
        (ErrorClass.SPURIOUS, (0, 1, "A")),
    ]
    # The exact one comes first, though the other one begins earlier.
    matches = match_entities([(1, 3, "A")], [(0, 3, "A"), (1, 3, "A")])
    assert [match.error_class for match in matches] == [ErrorClass.CORRECT, ErrorClass.SPURIOUS]


def test_nested_entities() -> None:
    gold = [(0, 6, "ORG"), (0, 2, "GPE")]
    assert {match.error_class for match in match_entities(gold, gold)} == {ErrorClass.CORRECT}


@given(entities(), entities())
def test_counts_add_up(gold: set[Entity], predicted: set[Entity]) -> None:
    matches = match_entities(gold, predicted)
    assert sorted(match.gold for match in matches if match.gold) == sorted(gold)
    assert sorted(match.predicted for match in matches if match.predicted) == sorted(predicted)
    by_class = {name: sum(m.error_class is name for m in matches) for name in ErrorClass}
    assert len(gold) == sum(by_class[name] for name in OF_GOLD)
    assert len(predicted) == sum(by_class[name] for name in OF_PREDICTED)
    assert by_class[ErrorClass.CORRECT] == len(gold & predicted)
