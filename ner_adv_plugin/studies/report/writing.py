"""Writes reports: of a study with its figures, of several targets, and of errors."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_text
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.errors import ErrorAnalysis
from ner_adv_plugin.studies.report.content import report_content
from ner_adv_plugin.studies.report.html import errors_page, report_figures, report_page
from ner_adv_plugin.studies.report.latex import results_latex
from ner_adv_plugin.studies.report.markdown import errors_markdown, report_markdown
from ner_adv_plugin.studies.report.targets import (
    targets_content,
    targets_markdown,
    targets_page,
)
from ner_adv_plugin.studies.results import StudyResults

ERROR_FORMATS = (".html", ".md", ".json")


def write_report(
    results: StudyResults, folder: Path, jobs: Mapping[str, TrainJob] | None = None
) -> None:
    """Write the reports of a study into its folder.

    They are `report.html`, `report.md`, `results.tex`, and the plots in `figures/`.

    # Parameters

    results : of the study.
    folder : of the study, with `study.json`.
    jobs : the arms' checked configs; without them errors are not grouped by training data.
    """
    content = report_content(results, folder, jobs)
    _write(folder / "report.html", report_page(content))
    _write(folder / "report.md", report_markdown(content))
    _write(folder / "results.tex", results_latex(content.results))
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for name, figure in report_figures(content.results).items():
        _write(figures / name, figure)


def write_targets_report(results: Mapping[str, StudyResults], folder: Path) -> None:
    """Write the reports of a study of several targets; each target has a report of its own.

    # Parameters

    results : of every target.
    folder : of the study, with `study.json` and a folder for each target.
    """
    content = targets_content(results, folder)
    _write(folder / "report.html", targets_page(content))
    _write(folder / "report.md", targets_markdown(content))


def write_errors(analysis: ErrorAnalysis, a: str, b: str, path: Path) -> None:
    """Write an error analysis as HTML, Markdown or JSON.

    # Parameters

    analysis : of two arms or runs.
    a, b : their names.
    path : its ending says which.

    # Raises

    `UserError` if it ends otherwise.
    """
    check_format(path)
    if path.suffix == ".html":
        _write(path, errors_page(analysis, a, b))
    elif path.suffix == ".md":
        _write(path, errors_markdown(analysis, a, b))
    else:
        found = _plain({"a": a, "b": b, **asdict(analysis)})
        _write(path, json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def check_format(path: Path) -> None:
    """Raise `UserError` if an error analysis cannot be written to this path."""
    if path.suffix not in ERROR_FORMATS:
        raise UserError(
            f"--output: expected a path ending in {', '.join(ERROR_FORMATS)}, found {path}"
        )


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: undefined scores are null."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if value != value else value


def _write(path: Path, content: str) -> None:
    # Half a surrogate pair, which a corpus may hold, is no UTF-8.
    write_text(path, content, errors="backslashreplace")
