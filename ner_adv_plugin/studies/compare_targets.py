"""A study of several targets: one study after the other, then the transfer matrix."""

import shlex
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.audit import ArmAudit
from ner_adv_plugin.studies.compare import (
    Plan,
    audited,
    duration_and_disk,
    print_grid,
    run_study,
)
from ner_adv_plugin.studies.engine import check_folder
from ner_adv_plugin.studies.facts import recall_seconds
from ner_adv_plugin.studies.matrix import transfer_matrices
from ner_adv_plugin.studies.report import write_targets_report
from ner_adv_plugin.studies.results import StudyResults
from ner_adv_plugin.studies.results_files import COLUMNS, csv_rows, write_csv
from ner_adv_plugin.studies.targets import TargetsStudy


def compare_targets(
    targets: TargetsStudy,
    folder: Path,
    packages: Sequence[str] = (),
    retry: bool = False,
    command: Sequence[str] = (),
) -> dict[str, StudyResults]:
    """Train what is missing of all targets, and write the results of each and the matrix.

    # Parameters

    targets : the study of each target.
    folder : receives a folder for each target, and the reports of all.
    packages, retry, command : see `compare`.

    # Raises

    `UserError` if no two arms of a target can be compared in the end.
    """
    for name in targets.studies:
        recall_seconds(folder / name)
    checked = _checked(targets)
    check_folder(folder)
    write_json(
        folder / "study.json",
        {"targets": list(targets.studies), "command": shlex.join(["allennlp", *command])},
    )
    for name in targets.studies:
        check_folder(folder / name)

    found = {}
    for number, (name, study) in enumerate(targets.studies.items(), 1):
        print(f"target {name}, {number} of {len(targets.studies)}", flush=True)
        with targets.at(name):
            jobs, audit = checked[name]
            own = folder / name
            found[name] = run_study(study, jobs, audit, own, packages, retry, command)

    _write(found, folder)
    lacking = [name for name, results in found.items() if not results.families]
    if lacking:
        raise UserError(
            f"no two arms finished with the same seed for {', '.join(lacking)}:"
            f" see the logs below {folder / lacking[0]}/runs"
        )
    return found


def print_plan_of_targets(targets: TargetsStudy) -> None:
    """Print the grids of all targets, and the time and the disk of all."""
    checked = _checked(targets)
    plans = []
    for name, study in targets.studies.items():
        print(f"target {name}")
        with targets.at(name):
            plans.append(print_grid(study, *checked[name]))
    whole = Plan(*(sum(values) for values in zip(*map(astuple, plans), strict=True)))
    kept = any(study.keep_models for study in targets.studies.values())
    print(
        f"{len(plans)} targets, {whole.runs} runs: {duration_and_disk(whole)}"
        + (" and the archives" if kept else "")
    )


def _checked(
    targets: TargetsStudy,
) -> dict[str, tuple[dict[str, TrainJob], dict[str, ArmAudit]]]:
    """Check all targets before anything is trained."""
    checked = {}
    for name, study in targets.studies.items():
        with targets.at(name):
            checked[name] = audited(study)
    return checked


def _write(found: dict[str, StudyResults], folder: Path) -> None:
    """Write the results and reports of all targets."""
    rows = [{"target": name, **row} for name, results in found.items() for row in csv_rows(results)]
    write_csv(folder / "results.csv", ("target", *COLUMNS), rows)
    of_targets = {name: results.as_json() for name, results in found.items()}
    write_json(
        folder / "results.json",
        {"targets": of_targets, "matrix": list(transfer_matrices(of_targets))},
    )
    write_targets_report(found, folder)
