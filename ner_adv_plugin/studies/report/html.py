"""Pages of HTML: one file each, without anything from a network."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ner_adv_plugin.studies.errors import Disagreement, ErrorAnalysis, ErrorClass
from ner_adv_plugin.studies.report import numbers, plots
from ner_adv_plugin.studies.report.content import ReportContent
from ner_adv_plugin.studies.report.messages import (
    LANGUAGES,
    Message,
    both,
    joined_languages,
    text,
)
from ner_adv_plugin.studies.report.wording import (
    audit_rows,
    censored,
    described,
    factor,
    family_title,
    named_budget,
    plain_verdict,
    tuned_rows,
    unequal_updates,
    worth_range,
)
from ner_adv_plugin.studies.results_files import COLUMNS
from ner_adv_plugin.studies.statistics.seeds import smallest_p

FOLDER = Path(__file__).parent
# Entries that a list shows, and characters of context on either side of an entity.
MOST_ENTRIES = 30
CONTEXT = 40


def report_page(content: ReportContent) -> str:
    """Return the page of a study."""
    results = content.results
    families = results["families"]
    budgets = list(dict.fromkeys(one["budget"] for one in families))
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            study=content.study,
            verdict_sentence=verdict_sentence(results),
            scored_on=_scored_on(content),
            one_budget=named_budget(budgets[0]) if len(budgets) == 1 else None,
            failed=content.failed,
            planned=content.planned,
            families=[
                {
                    **family,
                    "title": _shown(family_title(family)),
                    "plot": plot,
                    "unequal_updates": _shown(unequal_updates(family, results) or ""),
                }
                for family, plot in zip(families, _forests(families), strict=True)
            ],
            curves=list(_curves(results, budgets)),
            worths=list(_worths(results)),
            floors=sorted(
                {(len(one["seeds"]), f"{smallest_p(len(one['seeds'])):.3g}") for one in families}
            ),
            one_seed=any(len(one["seeds"]) == 1 for one in families),
            error_family=content.error_family and family_title(content.error_family),
            errors=content.errors,
            config_changes=content.config_changes,
            tuned=list(tuned_rows(content.study.get("tuned", {}))),
            baseline_config=json.dumps(
                content.study["arms"][content.baseline], ensure_ascii=False, indent=2
            ),
            audit=list(audit_rows(content.study["audit"])),
            columns=COLUMNS,
            runs=content.runs,
            versions=content.versions,
            date=content.date,
        )
    )


def report_figures(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the plots of a study as SVG files, by the name of the file."""
    budgets = list(dict.fromkeys(one["budget"] for one in results["families"]))
    drawn = {
        "forest": list(_forests(results["families"])),
        "curves": [curve["plot"] for curve in _curves(results, budgets)],
    }
    return {
        f"{kind}{f'-{i}' if len(found) > 1 else ''}.svg": plots.standalone(plot)
        for kind, found in drawn.items()
        for i, plot in enumerate(found, start=1)
    }


def errors_page(analysis: ErrorAnalysis, a: str, b: str) -> str:
    """Return the page of an error analysis.

    # Parameters

    analysis : of two arms or runs.
    a, b : their names.
    """
    return environment().get_template("errors.html.j2").render(analysis=analysis, a=a, b=b)


def verdict_sentence(results: Mapping[str, Any]) -> Markup:
    """Return the verdict in one sentence, in both languages."""
    if not results["families"]:
        return both("no_comparison")
    return joined_languages(
        {language: escape(plain_verdict(results, language)) for language in LANGUAGES}
    )


def seeds_needed(arm: Mapping[str, Any], seeds: list[int]) -> Markup | str:
    """Return the seeds that show a difference of one point."""
    if arm["seeds_for_a_point"] is not None:
        return f"{arm['seeds_for_a_point']:,}"
    return both("unknown" if len(seeds) < 2 else "over_a_thousand")


def environment() -> Environment:
    """Return the templates, with the functions that they call."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=both,
        plain=text,
        minutes=numbers.minutes,
        points=numbers.points,
        interval=numbers.interval,
        p_value=numbers.p_value,
        count=numbers.count,
        change=numbers.change,
        score=lambda value: "?" if value != value else f"{value:.2f}",
        seeds_needed=seeds_needed,
        highlighted=highlighted,
        described=described,
        classes=list(ErrorClass),
        most=MOST_ENTRIES,
        style=Markup((FOLDER / "style.css").read_text("utf-8")),
        script=Markup((FOLDER / "script.js").read_text("utf-8")),
    )
    return environment


def highlighted(one: Disagreement, right: bool) -> Markup:
    """Return the sentence around an entity, which is marked.

    # Parameters

    one : the entity and its sentence.
    right : whether the entity is right; gives the colour.
    """
    start, end, name = one.entity
    before, after = one.text[max(0, start - CONTEXT) : start], one.text[end : end + CONTEXT]
    return Markup('{}{}<mark class="{}">{}<small>{}</small></mark>{}{}').format(
        _gap(start > CONTEXT),
        before,
        "right" if right else "wrong",
        one.text[start:end],
        name,
        after,
        _gap(end + CONTEXT < len(one.text)),
    )


def _gap(is_cut: bool) -> Markup:
    return Markup('<span class="gap">…</span>') if is_cut else Markup("")


def _scored_on(content: ReportContent) -> Markup:
    families, metric = content.results["families"], content.results["metric"]
    if not families:
        return Markup("")
    seeds = sorted({len(one["seeds"]) for one in families})
    entities = (
        Message("metric_all")
        if metric == "f1"
        else Message("metric_type", type=metric.removeprefix("f1_"))
    )
    return both(
        "scored_on",
        metric=entities,
        split=Message(f"split_{families[0]['split']}"),
        target=content.results["target"],
        sentences=f"{content.sentences:,}",
        seeds=str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}",
    )


def _forests(families: Sequence[Mapping[str, Any]]) -> Iterator[Markup]:
    """Yield the forest plot of every family, on one axis."""
    rows = [plots.forest_rows(family) for family in families]
    limits = plots.forest_limits([row for own in rows for row in own])
    for i, own in enumerate(rows):
        yield plots.forest(own, limits, text("en", "forest_label"), f"forest{i}")


def _curves(results: Mapping[str, Any], budgets: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the learning curves of every budget with several sizes."""
    for i, budget in enumerate(budgets):
        families = sorted(
            (one for one in results["families"] if one["budget"] == budget),
            key=lambda one: one["sentences"],
        )
        if len(families) < 2:
            continue
        arms = list(dict.fromkeys(name for one in families for name in one["arms"]))
        rows = []
        for arm in arms:
            own = [one for one in families if arm in one["arms"]]
            scores = [[numbers.number(f1) for f1 in one["arms"][arm]["f1"]] for one in own]
            rows.append(plots.CurveRow(arm, [one["sentences"] for one in own], scores))
        yield {
            "budget": named_budget(budget),
            "legend": [(arm, plots.series_key(k, f"curves{i}")) for k, arm in enumerate(arms)],
            "plot": plots.curves(rows, text("en", "curves_label"), f"curves{i}"),
        }


def _worths(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a table of label worths for every budget with several sizes."""
    for budget, arms in results["label_worth"].items():
        rows = [
            (
                arm,
                f"{worth['size']:,}",
                _shown(censored(worth["equivalent"], worth)),
                joined_languages({one: escape(worth_range(worth, one)) for one in LANGUAGES}),
                _shown(factor(worth)),
            )
            for arm, worths in arms.items()
            for worth in worths
        ]
        yield {"budget": named_budget(budget), "rows": rows}


def _shown(value: Message | str) -> Markup:
    return both(value.key, **value.values) if isinstance(value, Message) else escape(value)
