"""Files of a study's results: `results.csv` with a line a run, and `results.json`."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.files import write_json, write_text
from ner_adv_plugin.studies.engine import StudyRun
from ner_adv_plugin.studies.results import StudyResults, target_updates

COLUMNS = (
    *("arm", "seed", "size", "budget"),
    *(
        f"{split}_{score}"
        for split in ("validation", "test")
        for score in ("precision", "recall", "f1")
    ),
    *("steps", "epochs", "target_sentences_seen", "target_updates"),
    *("seconds", "cpu_seconds", "peak_memory_MB", "config_hash"),
)


def write_results(results: StudyResults, folder: Path) -> None:
    """Write `results.csv`, one line a finished run, and `results.json`."""
    write_csv(folder / "results.csv", COLUMNS, csv_rows(results))
    write_json(folder / "results.json", results.as_json())


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV, whole or not at all."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, text.getvalue())


def csv_rows(results: StudyResults) -> list[dict[str, Any]]:
    """Return the lines of `results.csv`, one a finished run."""
    target = results.study.target
    return [csv_row(run, target) for run in results.runs if run.state == "done"]


def csv_row(run: StudyRun, target: str) -> dict[str, Any]:
    """Return a finished run's line of `results.csv`, with empty scores on a missing split.

    # Parameters

    run : the run.
    target : the dataset that is scored.
    """
    result, planned = run.result(), run.planned
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {
        "arm": planned.arm,
        "seed": planned.seed,
        "size": planned.size or "all",
        "budget": planned.budget,
        "config_hash": run.folder.name.rsplit("-", 1)[1],
    }
    for split, scores in result["scores"].items():
        row.update(
            {
                f"{split}_{name}": "" if value is None else f"{value:.6f}"
                for name, value in scores.items()
            }
        )
    for key in ("steps", "epochs", "target_sentences_seen"):
        row[key] = result[key]
    updates = target_updates(result, target)
    row["target_updates"] = "" if updates is None else updates
    for key in ("seconds", "cpu_seconds", "peak_memory_MB"):
        # Runs of older studies have no CPU seconds.
        row[key] = f"{result[key]:.1f}" if key in result else ""
    return row


def load_results(folder: Path) -> dict[str, Any]:
    """Return the content of a study's `results.json`."""
    found: dict[str, Any] = json.loads((folder / "results.json").read_text("utf-8"))
    return found
