"""What each evidence was worth: how far it ranked sources as finished studies did."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ner_adv_plugin.common.errors import UserError, below
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.ranking.evidence import EVIDENCE, rank_candidates
from ner_adv_plugin.studies.statistics.seeds import student_interval

# With fewer sources a rank correlation says nothing.
FEWEST_SOURCES = 5
MEAN_RANK = "mean_rank"


@dataclass(frozen=True)
class Outcome:
    """What a source did for a target in finished studies.

    # Parameters

    target, source : names of the datasets.
    difference : mean F1 difference to the baseline, over arms, sizes and budgets.
    evidence : for the source by name, signed so that larger is better, and the mean rank.
    """

    target: str
    source: str
    difference: float
    evidence: dict[str, float | None]


@dataclass(frozen=True)
class Correlation:
    """Rank correlation of an evidence with differences in F1.

    # Parameters

    mean : over targets, of the correlation over the sources of a target.
    interval : Student interval over targets, cut at -1 and 1; None with a single target.
    by_target : the correlation of each target.
    """

    mean: float
    interval: tuple[float, float] | None
    by_target: dict[str, float]


@dataclass(frozen=True)
class Agreement:
    """How far evidence agreed with finished studies.

    # Parameters

    outcomes : of every source and target.
    skipped : arms whose difference belongs to no single source, with their studies.
    spearman, kendall : by evidence; without those that are not defined for any target. Empty if no
        target has five sources.
    """

    outcomes: list[Outcome]
    skipped: list[str]
    spearman: dict[str, Correlation]
    kendall: dict[str, Correlation]

    def as_json(self) -> dict[str, Any]:
        """Return the part of `ranking.json` on finished studies."""
        return {"fewest_sources": FEWEST_SOURCES, **asdict(self)}


@dataclass(frozen=True)
class FinishedStudy:
    """A study that has results.

    # Parameters

    folder : of the study.
    jobs : the arms' checked configs.
    results : content of `results.json`.
    """

    folder: Path
    jobs: dict[str, TrainJob]
    results: dict[str, Any]


def read_finished(folder: Path) -> FinishedStudy:
    """Read a finished study and check that its corpora are still there.

    # Raises

    `UserError` if the folder has no results, or if a config or a corpus is wrong.
    """
    study, results = (_read(folder / name) for name in ("study.json", "results.json"))
    jobs = {}
    for name, config in study["arms"].items():
        with below(f"{folder}: arms.{name}"):
            jobs[name] = checked_job(config)
            jobs[name].check_paths()
    return FinishedStudy(folder, jobs, results)


def agreement_with(studies: Sequence[FinishedStudy], sentences: int) -> Agreement:
    """Compute the evidence for the sources of finished studies and correlate it with their F1.

    # Parameters

    studies : of `read_finished`.
    sentences : as for `rank_candidates`.
    """
    found: dict[tuple[str, str], tuple[list[float], dict[str, float | None]]] = {}
    skipped: list[str] = []
    for study in studies:
        jobs, results = study.jobs, study.results
        sources, unclear = single_sources(
            {name: list(job.sources.reader.readers) for name, job in jobs.items()},
            results["baseline"],
        )
        skipped += [f"{study.folder}: {name}" for name in unclear]
        differences = _differences(results, sources)
        if not differences:
            continue

        target = results["target"]
        ranking = rank_candidates(target, jobs, results["baseline"], sentences)
        for source, values in differences.items():
            evidence = {
                name: None if value is None else value * (1 if described.larger_is_better else -1)
                for name, described in EVIDENCE.items()
                for value in [ranking.evidence[source][name]]
            }
            evidence[MEAN_RANK] = -ranking.mean_ranks[source]
            # The evidence of a source is that of the first study that has it.
            found.setdefault((target, source), ([], evidence))[0].extend(values)

    outcomes = [
        Outcome(target, source, float(np.mean(values)), evidence)
        for (target, source), (values, evidence) in found.items()
    ]
    return Agreement(outcomes, skipped, *correlations(outcomes))


def single_sources(
    datasets: Mapping[str, Sequence[str]], baseline: str
) -> tuple[dict[str, str], list[str]]:
    """Attribute arms to sources.

    # Parameters

    datasets : names of the datasets that each arm reads.
    baseline : the arm that the others are compared with.

    # Returns

    For each arm that reads exactly one dataset more than the baseline, this dataset; and the other
    arms, except those that read the same as the baseline.
    """
    sources, unclear = {}, []
    of_baseline = set(datasets[baseline])
    for name, own in datasets.items():
        added = set(own) - of_baseline
        if len(added) == 1 and of_baseline <= set(own):
            sources[name] = added.pop()
        elif set(own) != of_baseline:
            unclear.append(name)
    return sources, unclear


def correlations(
    outcomes: Sequence[Outcome],
) -> tuple[dict[str, Correlation], dict[str, Correlation]]:
    """Return Spearman's and Kendall's correlation of each evidence with the differences.

    Both are computed over the sources of a target, if five or more have the evidence, and averaged
    over targets: the unit of the interval is the target.

    # Parameters

    outcomes : of all sources and targets.
    """
    spearman: dict[str, Correlation] = {}
    kendall: dict[str, Correlation] = {}
    for kind in (*EVIDENCE, MEAN_RANK):
        for method, results in ((stats.spearmanr, spearman), (stats.kendalltau, kendall)):
            by_target: dict[str, float] = {}
            for target in dict.fromkeys(one.target for one in outcomes):
                pairs = [
                    (value, one.difference)
                    for one in outcomes
                    for value in [one.evidence.get(kind)]
                    if one.target == target and value is not None
                ]
                # Of constant values there is no rank.
                if len(pairs) >= FEWEST_SOURCES and all(
                    len(set(column)) > 1 for column in zip(*pairs, strict=True)
                ):
                    by_target[target] = float(method(*zip(*pairs, strict=True)).statistic)
            if by_target:
                results[kind] = _over_targets(by_target)
    return spearman, kendall


def _over_targets(by_target: dict[str, float]) -> Correlation:
    values = np.array(list(by_target.values()))
    interval = None
    if len(values) > 1:
        low, high = student_interval(values)
        interval = (max(low, -1.0), min(high, 1.0))
    return Correlation(float(values.mean()), interval, by_target)


def _differences(results: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, list[float]]:
    """Return the differences of the arms of each source, at all sizes and budgets."""
    found: dict[str, list[float]] = {}
    for family in results["families"]:
        for arm, source in sources.items():
            difference = family["arms"].get(arm, {}).get("difference")
            if difference is not None and np.isfinite(difference):
                found.setdefault(source, []).append(difference)
    return found


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file of a study."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{path.parent} has no {path.name}: expected the folder of a study that allennlp"
            " compare has finished"
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    return found
