"""Entities that only one arm predicts, by majorities of its runs."""

import pytest

from ner_adv_plugin.studies.errors import disagreements
from tests.studies.errors.runs import TEXT, run


def test_disagreements_of_majorities() -> None:
    gold = {(0, 2, "PER"), (3, 5, "GPE")}
    finds = (TEXT, gold, {(0, 2, "PER"): 0.9, (3, 5, "GPE"): 0.8})
    wrong = (TEXT, gold, {(0, 3, "PER"): 0.7, (3, 5, "GPE"): 0.6})
    a = [run(finds), run(finds), run(wrong)]
    b = [run(wrong), run(wrong), run(finds)]

    (right,) = disagreements(a, b)
    assert right.entity == (0, 2, "PER") and right.is_gold
    assert (right.votes_a, right.votes_b) == (2, 1)
    assert (right.score_a, right.score_b) == (pytest.approx(0.9), pytest.approx(0.9))
    assert right.instead == (0, 3, "PER")

    (false_alarm,) = disagreements(b, a, swapped=True)
    assert false_alarm.entity == (0, 3, "PER") and not false_alarm.is_gold
    assert (false_alarm.votes_a, false_alarm.votes_b) == (1, 2)


def test_half_of_the_seeds_is_no_majority() -> None:
    gold = {(0, 2, "PER")}
    hit, miss = run((TEXT, gold, {(0, 2, "PER"): 1.0})), run((TEXT, gold, {}))
    assert disagreements([hit, miss], [miss, miss]) == []
    (found,) = disagreements([hit, hit], [hit, miss])
    assert found.votes_b == 1
