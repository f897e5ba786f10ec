"""What more than half of an arm's runs predict, and its score in the results."""

from collections import Counter
from pathlib import Path

import pytest

from ner_adv_plugin.studies.predictions import (
    PredictedSentence,
    RunPredictions,
    elected,
    read_predictions,
)
from ner_adv_plugin.studies.results import StudyResults
from tests.studies.synthetic import finished_study, predicted, sentences


def f1(found: Counter[str]) -> float:
    return 2 * found["right"] / (2 * found["right"] + found["wrong"] + found["missed"])


def counted(results: StudyResults, arm: str, entity_type: str | None) -> Counter[str]:
    """Count what three runs or more of an arm predict, from their files."""
    files = [
        read_predictions(run.folder / "predictions_test.jsonl").sentences
        for run in results.runs
        if run.planned.arm == arm
    ]
    counts: Counter[str] = Counter()
    for own in zip(*files, strict=True):
        votes = Counter(entity for sentence in own for entity in sentence.scores)
        found = {e for e, n in votes.items() if n >= 3 and entity_type in (None, e[2])}
        gold = {e for e in own[0].gold if entity_type in (None, e[2])}
        counts["right"] += len(found & gold)
        counts["wrong"] += len(found - gold)
        counts["missed"] += len(gold - found)
    return counts


def test_the_vote_of_an_arm(tmp_path: Path) -> None:
    results = finished_study(tmp_path, {"single": 0.6, "hard": 0.7}, seeds=5)
    (family,) = results.as_json()["families"]
    for name, arm in family["arms"].items():
        assert arm["vote_f1"] == pytest.approx(f1(counted(results, name, None)))
        # Errors of these runs are independent: a vote is better than any of them.
        assert arm["vote_f1"] > max(arm["f1"])


def test_two_runs_do_not_vote(tmp_path: Path) -> None:
    results = finished_study(tmp_path, {"single": 0.6, "hard": 0.7}, seeds=2)
    assert results.families[0].votes == {"single": None, "hard": None}


def test_words_are_cut_by_votes() -> None:
    def run(*ends: int) -> RunPredictions:
        words = {(start, end, ""): 0.5 for start, end in zip((0, *ends), ends, strict=False)}
        return RunPredictions([PredictedSentence("abcd", frozenset(), words)])

    (sentence,) = elected([run(1, 2, 4), run(2, 4), run(1, 3, 4)]).sentences
    assert sentence.predicted == {(0, 1, ""), (1, 2, ""), (2, 4, "")}
    assert sentence.scores[0, 1, ""] == pytest.approx(1 / 3)


def test_one_run_elects_what_it_predicts() -> None:
    run = predicted(sentences(20), 0.7, 3)
    found = elected([run])
    assert [one.predicted for one in found.sentences] == [one.predicted for one in run.sentences]
    assert [one.gold for one in found.sentences] == [one.gold for one in run.sentences]
