"""What a report shows of a study: numbers of `results.json`, errors, configs, audit."""

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ner_adv_plugin import __version__
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.errors import ErrorAnalysis, analyse
from ner_adv_plugin.studies.results import Family, StudyResults
from ner_adv_plugin.studies.results_files import csv_rows
from ner_adv_plugin.studies.training_side import training_side

PACKAGES = ("torch", "transformers", "numpy", "scipy")
MISSING = object()


@dataclass(frozen=True)
class ArmErrors:
    """The errors of an arm against the baseline.

    # Parameters

    arm : its name.
    analysis : the baseline is arm a.
    """

    arm: str
    analysis: ErrorAnalysis


@dataclass(frozen=True)
class ReportContent:
    """All that a report of a study shows.

    # Parameters

    results : the content of `results.json`.
    study : the content of `study.json`.
    errors : of every arm, in the family with the most training sentences of the first budget.
    error_family : that family, as in `results`; None without families.
    sentences : evaluated sentences.
    runs : lines of `results.csv`.
    failed : names of runs that did not finish.
    planned : number of runs of the grid.
    config_changes : by arm, (key, the baseline's value, the arm's value) as JSON.
    versions : of Python and packages.
    date : when the report was written.
    """

    results: dict[str, Any]
    study: dict[str, Any]
    errors: list[ArmErrors]
    error_family: dict[str, Any] | None
    sentences: int
    runs: list[dict[str, Any]]
    failed: list[str]
    planned: int
    config_changes: dict[str, list[tuple[str, str, str]]]
    versions: dict[str, str]
    date: str

    @property
    def baseline(self) -> str:
        """Return the name of the baseline."""
        return str(self.results["baseline"])


def report_content(
    results: StudyResults, folder: Path, jobs: Mapping[str, TrainJob] | None = None
) -> ReportContent:
    """Collect what a report shows.

    # Parameters

    results : of the study.
    folder : of the study, with `study.json`.
    jobs : the arms' checked configs; without them errors are not grouped by training data.
    """
    study = json.loads((folder / "study.json").read_text("utf-8"))
    as_json = results.as_json()
    family = _error_family(results)
    arms = study["arms"]
    baseline = results.study.baseline
    return ReportContent(
        results=as_json,
        study=study,
        errors=[] if family is None else list(_errors(results, family, jobs)),
        error_family=(
            None if family is None else as_json["families"][results.families.index(family)]
        ),
        sentences=_evaluated(family),
        runs=csv_rows(results),
        failed=[run.planned.name for run in results.runs if run.state != "done"],
        planned=len(results.runs),
        config_changes={
            name: list(config_changes(arms[baseline], config))
            for name, config in arms.items()
            if name != baseline
        },
        versions=versions(),
        date=now(),
    )


def config_changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield every key whose value differs, with both values as JSON; "" if there is none.

    # Examples

    >>> list(config_changes({"a": {"b": 1}}, {"a": {"b": 2}, "c": [3]}))
    [('a.b', '1', '2'), ('c', '', '[3]')]
    """
    if old == new and type(old) is type(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            below = f"{path}.{key}" if path else key
            yield from config_changes(old.get(key, MISSING), new.get(key, MISSING), below)
    else:
        shown = [
            "" if value is MISSING else json.dumps(value, ensure_ascii=False)
            for value in (old, new)
        ]
        yield path, shown[0], shown[1]


def _error_family(results: StudyResults) -> Family | None:
    """Return the family whose errors are shown: the first budget's with the most sentences."""
    first = [one for one in results.families if one.budget == results.families[0].budget]
    return max(first, key=lambda one: one.sentences, default=None)


def _evaluated(family: Family | None) -> int:
    if family is None:
        return 0
    return len(next(iter(family.predictions.values()))[0].sentences)


def _errors(
    results: StudyResults, family: Family, jobs: Mapping[str, TrainJob] | None
) -> Iterator[ArmErrors]:
    study = results.study
    for name, runs in family.predictions.items():
        if name != study.baseline:
            training = None
            if jobs is not None:
                training = training_side(
                    [jobs[study.baseline], jobs[name]], study.target, family.size, family.seeds
                )
            yield ArmErrors(name, analyse(family.predictions[study.baseline], runs, training))


def now() -> str:
    """Return the date and time, as reports show it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def versions() -> dict[str, str]:
    """Return the versions of this package, Python and the packages that results depend on."""
    found = {"ner_adv_plugin": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
