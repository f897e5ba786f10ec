"""A finished study that nobody trained: predictions drawn at random, and every file of its runs."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.studies.budgets import Budget, EqualEpochs, EqualSteps
from ner_adv_plugin.studies.engine import StudyRun
from ner_adv_plugin.studies.predictions import (
    PredictedSentence,
    RunPredictions,
    write_predictions,
)
from ner_adv_plugin.studies.results import StudyResults, collect
from ner_adv_plugin.studies.results_files import write_results
from ner_adv_plugin.studies.study import Arm, PlannedStudyRun, Study

CHARACTERS = "北京上海老朱在开封博远俱乐部上班回复专辑各种烂抓狂平安广场一日游"
TYPES = ("PER.NAM", "LOC.NAM", "ORG.NOM")


def sentences(number: int, seed: int = 0) -> list[PredictedSentence]:
    """Sentences with gold entities, and nothing predicted."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        text = "".join(rng.choice(list(CHARACTERS), int(rng.integers(8, 90))))
        starts = range(0, len(text) - 6, 7)
        gold = {
            (start, start + int(rng.integers(1, 6)), str(rng.choice(TYPES)))
            for start in starts
            if rng.random() < 0.4
        }
        found.append(PredictedSentence(text, frozenset(gold), {}))
    return found


def predicted(of: Sequence[PredictedSentence], skill: float, seed: int) -> RunPredictions:
    """Find each gold entity with probability `skill`, and err in all ways else."""
    rng = np.random.default_rng(seed)
    found = []
    for sentence in of:
        scores = {}
        for start, end, name in sorted(sentence.gold):
            entity = (start, end, name)
            if rng.random() > skill:
                other = str(rng.choice(TYPES))
                entity = [
                    (start, end, other),
                    (start, min(end + 1, len(sentence.text)), name),
                    (start + 6, start + 7, name),
                ][int(rng.integers(3))]
            if rng.random() < 0.95:
                scores[entity] = round(float(rng.uniform(0.3, 1)), 6)
        found.append(PredictedSentence(sentence.text, sentence.gold, scores))
    return RunPredictions(found)


def finished_study(
    folder: Path,
    skills: Mapping[str, float],
    sizes: Sequence[int | None] = (None,),
    seeds: int = 3,
    budgets: Sequence[Budget] = (EqualEpochs(),),
    of: Sequence[PredictedSentence] | None = None,
    configs: Mapping[str, Any] | None = None,
    command: str = "allennlp compare study.jsonnet -s folder",
    failed: Sequence[tuple[str, int]] = (),
    splits: Sequence[str] = ("validation", "test"),
    leaking: Collection[str] = (),
) -> StudyResults:
    """Write a study whose first arm is the baseline, and return its results.

    # Parameters

    skills : probability by arm that it finds an entity with all sentences.
    failed : (arm, seed) without a result.
    splits : scored splits.
    leaking : arms that trained on scored sentences.
    """
    evaluated = sentences(60) if of is None else of
    arms = list(skills)
    study = Study(
        arms={name: Arm(config=f"{name}.jsonnet", leaks=name in leaking) for name in arms},
        baseline=arms[0],
        target="weibo",
        seeds=seeds,
        sizes=list(sizes),
        budget=list(budgets),
        rounds=200,
    )
    whole = dict(configs or {name: {"model": {"type": name}} for name in arms})
    runs = []
    for b, budget in enumerate(budgets):
        for size in sizes:
            for seed in study.seed_list():
                for k, name in enumerate(arms):
                    planned = PlannedStudyRun(name, size, seed, budget.name, whole[name])
                    own = folder / "runs" / f"{planned.name}-{k}{b}{seed}"
                    own.mkdir(parents=True)
                    run = StudyRun(planned, own)
                    runs.append(run)
                    if (name, seed) in failed:
                        continue
                    skill = skills[name] * (1 - 5 / (size or 1350)) ** 8
                    _write_run(run, evaluated, skill, 100 * seed + k + (size or 0), splits)
    write_json(
        folder / "study.json",
        {
            "target": "weibo",
            "arms": whole,
            "command": command,
            "audit": {
                name: {
                    "sentences": {
                        "train": {"weibo": 1350, "msra": 46364},
                        "validation": {"weibo": 270},
                        "test": {"weibo": len(evaluated)},
                    },
                    "left_out": {"weibo": 0, "msra": 3},
                }
                for name in arms
            },
        },
    )
    results = collect(study, runs)
    write_results(results, folder)
    return results


def _write_run(
    run: StudyRun,
    evaluated: Sequence[PredictedSentence],
    skill: float,
    seed: int,
    splits: Sequence[str],
) -> None:
    scores = {}
    for split in splits:
        found = predicted(evaluated, skill, seed)
        write_predictions(run.folder / f"predictions_{split}.jsonl", found)
        scores[split] = {"precision": 0.5, "recall": 0.5, "f1": 0.5}
    result = {
        "scores": scores,
        "steps": 100,
        "epochs": 5,
        "target_sentences": run.planned.size or 1350,
        "target_sentences_seen": 500,
        "metrics": UPDATES.get(run.planned.arm, {"total_weibo_updates": 100}),
        "seconds": 12.25,
        "cpu_seconds": 90.0,
        "peak_memory_MB": 500.0,
    }
    (run.folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


# What arms count of their optimizer steps; other arms make 100 updates.
UPDATES = {
    "hard": {"total_weibo_updates": 300, "total_msra_updates": 200},
    "asym": {"total_weibo_updates": 60, "stage_source_total_weibo_updates": 45},
}
BOTH_BUDGETS = (EqualEpochs(), EqualSteps())
