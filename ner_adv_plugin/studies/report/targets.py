"""The report of a study of several targets: the transfer matrix, and the verdicts of all."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.studies.matrix import transfer_matrices
from ner_adv_plugin.studies.report import plots
from ner_adv_plugin.studies.report.content import now, versions
from ner_adv_plugin.studies.report.html import environment, verdict_sentence
from ner_adv_plugin.studies.report.markdown import escaped, table
from ner_adv_plugin.studies.report.messages import Message, both, in_language, text
from ner_adv_plugin.studies.report.numbers import interval, number, points
from ner_adv_plugin.studies.report.wording import named_budget, plain_verdict
from ner_adv_plugin.studies.results import StudyResults


@dataclass(frozen=True)
class TargetsContent:
    """All that the report of a study of several targets shows.

    # Parameters

    results : by target, the content of `results.json`.
    failed, planned : by target, names of runs that did not finish, and the number of all runs.
    matrices : of `transfer_matrices`.
    command : that runs the study again.
    versions : of Python and packages.
    date : when the report was written.
    """

    results: dict[str, dict[str, Any]]
    failed: dict[str, list[str]]
    planned: dict[str, int]
    matrices: list[dict[str, Any]]
    command: str
    versions: dict[str, str]
    date: str


def targets_content(results: Mapping[str, StudyResults], folder: Path) -> TargetsContent:
    """Collect what the report shows.

    # Parameters

    results : of every target.
    folder : of the study, with `study.json`.
    """
    of_targets = {target: one.as_json() for target, one in results.items()}
    return TargetsContent(
        results=of_targets,
        failed={
            target: [run.planned.name for run in one.runs if run.state != "done"]
            for target, one in results.items()
        },
        planned={target: len(one.runs) for target, one in results.items()},
        matrices=list(transfer_matrices(of_targets)),
        command=json.loads((folder / "study.json").read_text("utf-8"))["command"],
        versions=versions(),
        date=now(),
    )


def targets_page(content: TargetsContent) -> str:
    """Return the page of the study."""
    return (
        environment()
        .get_template("targets.html.j2")
        .render(
            content=content,
            names=", ".join(content.results),
            sentences={target: verdict_sentence(one) for target, one in content.results.items()},
            addresses={target: _address(target, content, "html") for target in content.results},
            matrices=[
                {
                    **one,
                    "title": both(_title(one).key, **_title(one).values),
                    "plot": plots.matrix(
                        {target: _drawn(row) for target, row in one["rows"].items()},
                        one["arms"],
                        text("en", "matrix"),
                        f"matrix{i}",
                    ),
                }
                for i, one in enumerate(content.matrices)
            ],
        )
    )


def targets_markdown(content: TargetsContent) -> str:
    """Return the report of the study in GitHub's Markdown, in English."""
    return "\n".join(_markdown(content)) + "\n"


def _markdown(content: TargetsContent) -> Iterator[str]:
    yield f"# {text('en', 'title', target=escaped(', '.join(content.results)))}"
    yield ""
    for target, results in content.results.items():
        said = plain_verdict(results, "en") if results["families"] else text("en", "no_comparison")
        address = _address(target, content, "md")
        name = f"[{escaped(target)}]({address})" if address else escaped(target)
        yield f"- {name}: **{escaped(said)}**"
        if failed := content.failed[target]:
            names = escaped(", ".join(failed))
            total = content.planned[target]
            yield f"  {text('en', 'failed', count=len(failed), total=total, names=names)}"
    yield ""
    yield f"## {text('en', 'matrix')}"
    yield ""
    yield text("en", "matrix_caption")
    yield ""
    for one in content.matrices:
        yield f"### {in_language(_title(one), 'en')}"
        yield ""
        yield from table(
            ["target", "baseline", *map(escaped, one["arms"])],
            (
                [
                    escaped(target),
                    f"{escaped(row['baseline'])} {points(row['baseline_f1'])}",
                    *(_shown(row["cells"][arm]) for arm in one["arms"]),
                ]
                for target, row in one["rows"].items()
            ),
        )
    yield "## Run it again"
    yield ""
    yield f"    {' '.join(content.command.split())}"
    yield ""
    known = ", ".join(f"{name} {version}" for name, version in content.versions.items())
    yield f"{known}. {text('en', 'written', date=content.date)}"


def _address(target: str, content: TargetsContent, ending: str) -> str | None:
    """Return the address of a target's own report; None if there was nothing to compare."""
    return f"{target}/report.{ending}" if content.results[target]["families"] else None


def _title(matrix: Mapping[str, Any]) -> Message:
    budget = named_budget(matrix["budget"])
    if matrix["size"] is None:
        return Message("matrix_all", budget=budget)
    return Message("matrix_size", size=f"{matrix['size']:,}", budget=budget)


def _drawn(row: Mapping[str, Any]) -> list[plots.MatrixCell | None]:
    return [
        None
        if cell is None
        else plots.MatrixCell(
            number(cell["difference"]),
            (number(cell["interval"][0]), number(cell["interval"][1])),
            cell["verdict"],
        )
        for cell in row["cells"].values()
    ]


def _shown(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "–"
    difference = points(cell["difference"], signed=True)
    return f"{difference} {cell['verdict']} {interval(cell['interval'])}"
