"""The results of a study: every arm against the baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import numpy as np

from ner_adv_plugin.studies.engine import StudyRun
from ner_adv_plugin.studies.predictions import (
    SPLITS,
    RunPredictions,
    elected,
    predictions_file,
    read_predictions,
    scored_split,
)
from ner_adv_plugin.studies.statistics import (
    Comparison,
    LabelWorth,
    compare_arms,
    defined,
    f1_of,
    label_worth,
)
from ner_adv_plugin.studies.study import Study

# Of two runs, both would have to agree.
FEWEST_VOTES = 3


@dataclass(frozen=True)
class Family:
    """The arms at one size and one budget.

    # Parameters

    size : target training sentences; None for all.
    sentences : how many these are.
    budget : its name.
    split : what is scored, "test" or, if there is no test set, "validation".
    seeds : those that all arms of the family have finished.
    scores : F1 of every arm by seed.
    predictions : of every arm by seed.
    comparisons : every arm against the baseline.
    votes : F1 of what more than half of every arm's runs predict; None with fewer than three seeds,
        or if it is undefined.
    target_updates : optimizer steps of a run of every arm, in all its stages, that train on the
        target; mean over seeds, None if it is not known.
    cpu_seconds : what a run of every arm costs, in the same way.
    """

    size: int | None
    sentences: int
    budget: str
    split: str
    seeds: list[int]
    scores: dict[str, list[float]]
    predictions: dict[str, list[RunPredictions]]
    comparisons: dict[str, Comparison]
    votes: dict[str, float | None]
    target_updates: dict[str, float | None]
    cpu_seconds: dict[str, float | None]


@dataclass(frozen=True)
class StudyResults:
    """All that a report shows.

    # Parameters

    study : its settings.
    runs : all runs of the grid.
    families : one for each budget and size with two or more arms finished.
    label_worths : by budget and arm, for every size; empty with a single size.
    """

    study: Study
    runs: Sequence[StudyRun]
    families: list[Family]
    label_worths: dict[str, dict[str, list[LabelWorth]]]

    def as_json(self) -> dict[str, Any]:
        """Return the content of `results.json`."""
        return {
            "target": self.study.target,
            "metric": self.study.metric,
            "baseline": self.study.baseline,
            "families": [
                {
                    "size": family.size,
                    "sentences": family.sentences,
                    "budget": family.budget,
                    "split": family.split,
                    "seeds": family.seeds,
                    "arms": {
                        name: {
                            "mean_f1": float(np.mean(scores)),
                            "f1": scores,
                            "vote_f1": family.votes[name],
                            "target_updates": family.target_updates[name],
                            "cpu_seconds": family.cpu_seconds[name],
                            **_as_json(family.comparisons.get(name)),
                        }
                        for name, scores in family.scores.items()
                    },
                }
                for family in self.families
            ],
            "label_worth": {
                budget: {
                    arm: [_finite(asdict(one)) for one in worths] for arm, worths in arms.items()
                }
                for budget, arms in self.label_worths.items()
            },
        }


def collect(study: Study, runs: Sequence[StudyRun]) -> StudyResults:
    """Compute the statistics of all finished runs.

    # Parameters

    study : its settings.
    runs : of the grid; those that are not done are left out, with the seeds they break.
    """
    families = []
    for budget in study.budget_list():
        for size in study.size_list():
            own = [
                run
                for run in runs
                if run.state == "done"
                and (run.planned.size, run.planned.budget) == (size, budget.name)
            ]
            if family := _family(study, own, size, budget.name):
                families.append(family)
    return StudyResults(study, runs, families, _label_worths(study, families))


def target_updates(result: Mapping[str, Any], target: str) -> int | None:
    """Return the optimizer steps of a run, in all its stages, that trained on the target.

    # Parameters

    result : the content of the run's `result.json`.
    target : the dataset.

    # Returns

    Their number; None if the run did not count them.

    # Examples

    >>> metrics = {"total_weibo_updates": 60, "stage_teacher_total_weibo_updates": 40}
    >>> target_updates({"metrics": metrics}, "weibo")
    100
    """
    key = f"total_{target}_updates"
    found = [
        value
        for name, value in result["metrics"].items()
        if name == key or (name.startswith("stage_") and name.endswith(f"_{key}"))
    ]
    return sum(found) if found else None


def _family(study: Study, runs: Sequence[StudyRun], size: int | None, budget: str) -> Family | None:
    """Compare the arms at one size and budget; None if there are no two arms to compare."""
    paired = _paired(study, runs)
    if not paired:
        return None

    folders = [run.folder for own in paired.values() for run in own]
    split = scored_split(
        [one for one in SPLITS if all(predictions_file(each, one).is_file() for each in folders)]
    )
    predictions = {
        name: [read_predictions(predictions_file(run.folder, split)) for run in own]
        for name, own in paired.items()
    }
    entity_type = study.metric.removeprefix("f1_") if study.metric != "f1" else None
    counts = {
        name: np.stack([one.counts(entity_type) for one in own])
        for name, own in predictions.items()
    }
    baseline = counts.pop(study.baseline)
    leaking = [name for name in counts if study.arms[name].leaks]
    finished = {name: [run.result() for run in own] for name, own in paired.items()}
    return Family(
        size=size,
        sentences=finished[study.baseline][0]["target_sentences"],
        budget=budget,
        split=split,
        seeds=[run.planned.seed for run in paired[study.baseline]],
        scores={
            name: [float(value) for value in f1_of(own.sum(axis=1))]
            for name, own in {study.baseline: baseline, **counts}.items()
        },
        predictions=predictions,
        comparisons=compare_arms(baseline, counts, study.rounds, leaking=leaking),
        votes={name: _vote(own, entity_type) for name, own in predictions.items()},
        target_updates={
            name: _mean([target_updates(one, study.target) for one in own])
            for name, own in finished.items()
        },
        cpu_seconds={
            name: _mean([one.get("cpu_seconds") for one in own]) for name, own in finished.items()
        },
    )


def _paired(study: Study, runs: Sequence[StudyRun]) -> dict[str, list[StudyRun]]:
    """Return the runs of each arm with the seeds that all arms have finished.

    A failed run breaks its pairs: its seed is left out for all arms. Without two arms to compare,
    nothing is returned.
    """
    by_arm: dict[str, dict[int, StudyRun]] = {name: {} for name in study.arms}
    for run in runs:
        by_arm[run.planned.arm][run.planned.seed] = run
    by_arm = {name: own for name, own in by_arm.items() if own}
    seeds = [seed for seed in study.seed_list() if all(seed in own for own in by_arm.values())]
    if study.baseline not in by_arm or len(by_arm) < 2 or not seeds:
        return {}
    return {name: [own[seed] for seed in seeds] for name, own in by_arm.items()}


def _vote(runs: Sequence[RunPredictions], entity_type: str | None) -> float | None:
    """Return the F1 of what most of several runs predict; None if it is not defined."""
    if len(runs) < FEWEST_VOTES:
        return None
    return defined(f1_of(elected(runs).counts(entity_type).sum(axis=0)))


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean, None if a value is missing."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _label_worths(
    study: Study, families: Sequence[Family]
) -> dict[str, dict[str, list[LabelWorth]]]:
    """Read every arm's label worth off the baseline's learning curve of each budget."""
    found: dict[str, dict[str, list[LabelWorth]]] = {}
    for budget in study.budget_list():
        own = [family for family in families if family.budget == budget.name]
        sizes = [family.sentences for family in own]
        order = np.argsort(sizes)
        seeds = set.intersection(*(set(family.seeds) for family in own)) if own else set()
        if len(own) < 2 or not seeds:
            continue
        curves = {
            name: np.array(
                [
                    [own[i].scores[name][own[i].seeds.index(seed)] for i in order]
                    for seed in sorted(seeds)
                ]
            )
            for name in study.arms
            if all(name in family.scores for family in own) and not study.arms[name].leaks
        }
        rising = [sizes[i] for i in order]
        found[budget.name] = {
            name: [
                label_worth(rising, curves[study.baseline], size, curve[:, k])
                for k, size in enumerate(rising)
            ]
            for name, curve in curves.items()
            if name != study.baseline
        }
    return found


def _as_json(comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {}
    values = asdict(comparison)
    values["verdict"] = str(comparison.verdict)
    values["differences"] = list(values.pop("differences_S"))
    return _finite(values)


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Return values that are valid JSON: infinite numbers become "inf" and "-inf"."""

    def plain(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return str(value) if value in (inf, -inf) else value

    return {key: plain(value) for key, value in values.items()}
