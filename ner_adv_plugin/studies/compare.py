"""A whole study: checks, audit, runs, statistics, report."""

import logging
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.progress import duration
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.shared_stages import first_stages
from ner_adv_plugin.studies.audit import ArmAudit, audit_arms, check_target
from ner_adv_plugin.studies.engine import StudyRun, check_folder, prepare, run_all
from ner_adv_plugin.studies.facts import facts_of, keep_seconds, recall_seconds
from ner_adv_plugin.studies.report import write_report
from ner_adv_plugin.studies.results import StudyResults, collect
from ner_adv_plugin.studies.results_files import write_results
from ner_adv_plugin.studies.study import Study, checked_arms, grid
from ner_adv_plugin.studies.table import LiveTable, verdict_lines
from ner_adv_plugin.studies.tuning import (
    best_overrides,
    check_tuning,
    seconds_of_tuning,
    tuned_jobs,
)
from ner_adv_plugin.studies.worker import STAGES

logger = logging.getLogger(__name__)
# Bytes that a run keeps: config, metrics, and a line for each sentence of validation and test set.
BYTES_PER_SENTENCE, BYTES_PER_RUN = 400, 200_000


def compare(
    study: Study,
    folder: Path,
    packages: Sequence[str] = (),
    retry: bool = False,
    command: Sequence[str] = (),
) -> StudyResults:
    """Train what is missing of a study and write its results.

    # Parameters

    study : its settings.
    folder : of the study.
    packages : packages with custom components.
    retry : train failed runs again.
    command : arguments of the command line, for the report.

    # Raises

    `UserError` if no two arms can be compared in the end.
    """
    recall_seconds(folder)
    jobs, audit = audited(study)
    check_folder(folder)
    results = run_study(study, jobs, audit, folder, packages, retry, command)
    if not results.families:
        raise UserError(
            f"no two arms finished with the same seed: see the logs below {folder}/runs"
        )
    return results


def run_study(
    study: Study,
    jobs: dict[str, TrainJob],
    audit: Mapping[str, ArmAudit],
    folder: Path,
    packages: Sequence[str] = (),
    retry: bool = False,
    command: Sequence[str] = (),
) -> StudyResults:
    """Train what is missing of a study that is checked, and write and print its results.

    # Parameters

    jobs, audit : of `audited`.
    study, folder, packages, retry, command : see `compare`.

    # Returns

    The results; without families if no two arms can be compared.
    """
    tuned = best_overrides(study, jobs, folder / "tuning", packages, retry)
    jobs = tuned_jobs(study, jobs, tuned)
    runs = prepare(study, jobs, grid(study, jobs), folder)
    keep_seconds(folder)
    write_json(
        folder / "study.json",
        {
            "target": study.target,
            "arms": {name: dict(job.config) for name, job in jobs.items()},
            "command": shlex.join(["allennlp", *command]),
            "tuned": {name: asdict(best) for name, best in tuned.items()},
            "audit": {
                name: {"sentences": one.sentences, "left_out": one.left_out}
                for name, one in audit.items()
            },
        },
    )
    with LiveTable(study, jobs) as table:
        run_all(runs, study.executor, packages, retry, table.show)

    if not study.keep_models and all(run.state == "done" for run in runs):
        shutil.rmtree(folder / STAGES, ignore_errors=True)

    results = collect(study, runs)
    write_results(results, folder)
    if results.families:
        write_report(results, folder, jobs)
    _report_failures(runs)
    for line in verdict_lines(results):
        print(line)
    return results


def audited(study: Study) -> tuple[dict[str, TrainJob], dict[str, ArmAudit]]:
    """Check the arms of a study, its grid and the data that they read.

    # Returns

    The arms' checked configs and audits, by name.
    """
    jobs = checked_arms(study)
    for job in jobs.values():
        job.check_paths()
    check_tuning(study, jobs)
    audit = audit_arms(study, jobs)
    check_target(study, jobs)
    # Sizes and budgets are checked when a run is planned.
    for _ in grid(study, jobs):
        pass
    return jobs, audit


@dataclass(frozen=True)
class Plan:
    """What a study takes.

    # Parameters

    runs : number of runs.
    seconds : of training, if `jobs` runs are trained at a time.
    disk : bytes, without archives.
    """

    runs: int
    seconds: float
    disk: float


def print_plan(study: Study) -> None:
    """Print the grid, an estimate of the time from measured steps, and the disk it takes."""
    plan = print_grid(study, *audited(study))
    print(
        f"{plan.runs} runs, {study.executor.jobs} at a time: {duration_and_disk(plan)}"
        + (" and the archives" if study.keep_models else "")
    )


def duration_and_disk(plan: Plan) -> str:
    """Return the time and the disk that a plan takes, in words."""
    return f"about {duration(plan.seconds)} of training, {plan.disk / 1e6:.0f} MB of disk"


def print_grid(study: Study, jobs: Mapping[str, TrainJob], audit: Mapping[str, ArmAudit]) -> Plan:
    """Print the grid of a study with the time of each run.

    # Parameters

    study : its settings.
    jobs, audit : of `audited`.
    """
    planned = list(grid(study, jobs))
    seconds = 0.0
    trained: set[str | None] = {None}
    for one in planned:
        facts = facts_of(jobs[one.arm], study.target, one.size)
        steps = facts.steps_of(one.config)
        own = steps * facts.seconds_per_step()
        if (stages := first_stages(one.config)) not in trained:
            own += facts.seconds_of_earlier_stages()
            trained.add(stages)
        seconds += own
        print(f"{one.name}: {round(steps)} optimizer steps, about {duration(own)}")

    if study.tune_arms is not None:
        own = seconds_of_tuning(study, jobs)
        seconds += own
        print(
            f"tuning: {len(jobs)} arms with {study.tune_arms.trials} trials each,"
            f" about {duration(own)} if none is pruned"
        )

    held_out = max(
        sum(sum(datasets.values()) for split, datasets in one.sentences.items() if split != "train")
        for one in audit.values()
    )
    disk = len(planned) * (BYTES_PER_RUN + held_out * BYTES_PER_SENTENCE)
    return Plan(len(planned), seconds / study.executor.jobs, disk)


def _report_failures(runs: Sequence[StudyRun]) -> None:
    failed = [run for run in runs if run.state == "failed"]
    for run in failed:
        print(f"failed: {run.planned.name}\n{run.failure()}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} runs failed: `--retry` trains them again", file=sys.stderr)
