"""Pages of HTML: one file each, without anything from a network."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ner_adv_plugin.studies.errors import Disagreement, ErrorAnalysis, ErrorClass
from ner_adv_plugin.studies.predictions import Entity
from ner_adv_plugin.studies.report import numbers, plots
from ner_adv_plugin.studies.report.content import ReportContent
from ner_adv_plugin.studies.report.messages import (
    LANGUAGES,
    Message,
    both,
    in_language,
    joined_languages,
    text,
)
from ner_adv_plugin.studies.results import COLUMNS
from ner_adv_plugin.studies.statistics.seeds import smallest_p

FOLDER = Path(__file__).parent
# Entries that a list shows, and characters of context on either side of an entity.
MOST_ENTRIES = 30
CONTEXT = 40


def report_page(content: ReportContent) -> str:
    """Return the page of a study."""
    results = content.results
    families = results["families"]
    limits = plots.forest_limits([row for one in families for row in plots.forest_rows(one)])
    budgets = list(dict.fromkeys(one["budget"] for one in families))
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            study=content.study,
            verdict_sentence=verdict_sentence(results),
            scored_on=_scored_on(content),
            one_budget=_budget(budgets[0]) if len(budgets) == 1 else None,
            failed=content.failed,
            planned=content.planned,
            families=[
                {
                    **family,
                    "title": _title(family, both),
                    "plot": plots.forest(
                        plots.forest_rows(family), limits, text("en", "forest_label"), f"forest{i}"
                    ),
                }
                for i, family in enumerate(families)
            ],
            curves=list(_curves(results, budgets)),
            worths=list(_worths(results)),
            floors=sorted(
                {(len(one["seeds"]), f"{smallest_p(len(one['seeds'])):.3g}") for one in families}
            ),
            one_seed=any(len(one["seeds"]) == 1 for one in families),
            error_family=content.error_family and _title(content.error_family, Message),
            errors=content.errors,
            config_changes=content.config_changes,
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


def errors_page(analysis: ErrorAnalysis, a: str, b: str) -> str:
    """Return the page of an error analysis.

    # Parameters

    analysis : of two arms or runs.
    a, b : their names.
    """
    return _environment().get_template("errors.html.j2").render(analysis=analysis, a=a, b=b)


def verdict_clauses(results: Mapping[str, Any]) -> Iterator[Message]:
    """Yield what is said of the arms: in how many of its comparisons each has which verdict."""
    families = results["families"]
    always: dict[str, list[str]] = {"helped": [], "hurt": [], "undecided": []}
    mixed = []
    arms = dict.fromkeys(
        name for one in families for name, arm in one["arms"].items() if "verdict" in arm
    )
    for arm in arms:
        verdicts = [one["arms"][arm]["verdict"] for one in families if arm in one["arms"]]
        for verdict, names in always.items():
            found = verdicts.count(verdict)
            if found == len(verdicts):
                names.append(arm)
            elif found:
                key = f"verdict_{verdict}_in"
                mixed.append(Message(key, arm=arm, count=found, total=len(verdicts)))
    for verdict, names in always.items():
        if names:
            yield Message(f"verdict_{verdict}", arm=_listed(names))
    yield from mixed


def _listed(names: Sequence[str]) -> Message | str:
    """Return names as a list in words."""
    if len(names) == 1:
        return names[0]
    found: Message | str = names[0]
    for name in names[1:-1]:
        found = Message("listed", first=found, second=name)
    return Message("last_listed", first=found, second=names[-1])


def verdict_sentence(results: Mapping[str, Any]) -> Markup:
    """Return the verdict in one sentence, in both languages."""
    if not results["families"]:
        return both("no_comparison")
    return joined_languages(
        {language: escape(plain_verdict(results, language)) for language in LANGUAGES}
    )


def plain_verdict(results: Mapping[str, Any], language: str) -> str:
    """Return the verdict in one sentence of one language."""
    clauses = [in_language(one, language) for one in verdict_clauses(results)]
    start = text(language, "verdict_start", baseline=results["baseline"])
    return start + text(language, "separator").join(clauses) + text(language, "full_stop")


def audit_rows(audit: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Yield arm, dataset, and its sentences: training, left out, validation, test; "" if none."""
    for arm, one in audit.items():
        datasets = dict.fromkeys(name for split in one["sentences"].values() for name in split)
        for dataset in datasets:
            train, validation, test = (
                one["sentences"].get(split, {}).get(dataset, "")
                for split in ("train", "validation", "test")
            )
            yield [arm, dataset, train, one["left_out"].get(dataset, 0), validation, test]


def seeds_needed(arm: Mapping[str, Any], seeds: list[int]) -> Markup | str:
    """Return the seeds that show a difference of one point."""
    if arm["seeds_for_a_point"] is not None:
        return f"{arm['seeds_for_a_point']:,}"
    return both("unknown" if len(seeds) < 2 else "over_a_thousand")


def _environment() -> Environment:
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


def described(sentence: str, entity: Entity) -> str:
    """Return an entity as its surface form and type."""
    start, end, name = entity
    return f"{sentence[start:end]} {name}".rstrip()


def _gap(is_cut: bool) -> Markup:
    return Markup('<span class="gap">…</span>') if is_cut else Markup("")


def _title(family: Mapping[str, Any], message: Any) -> Any:
    """Return the title of a family, as a message or in both languages."""
    return message("family", sentences=f"{family['sentences']:,}", budget=_budget(family["budget"]))


def _budget(name: str) -> Message | str:
    known = ("epochs", "steps", "seconds")
    return Message(f"budget_{name}") if name in known else name


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
            "budget": _budget(budget),
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
        yield {"budget": _budget(budget), "rows": rows}


def censored(value: Any, worth: Mapping[str, Any]) -> Message | str:
    """Return a number of the baseline's sentences, "more than" or "fewer than" beyond the curve."""
    found = numbers.number(value)
    if found == inf:
        return Message("more_than", count=f"{worth['largest']:,}")
    if found <= 0:
        return Message("fewer_than", count=f"{worth['smallest']:,}")
    return f"{found:,.0f}"


def factor(worth: Mapping[str, Any]) -> Message | str:
    """Return how many times as many sentences the baseline needs, censored as they are."""
    found, size = numbers.number(worth["equivalent"]), worth["size"]
    if found == inf:
        return Message("more_than", count=f"{worth['largest'] / size:.2f}")
    if found <= 0:
        return Message("fewer_than", count=f"{worth['smallest'] / size:.2f}")
    return f"{found / size:.2f}"


def _shown(value: Message | str) -> Markup:
    return both(value.key, **value.values) if isinstance(value, Message) else escape(value)


def worth_range(worth: Mapping[str, Any], language: str) -> str:
    """Return the interval of a label worth, in words; one if both ends lie beyond the curve."""
    low, high = (in_language(censored(end, worth), language) for end in worth["interval"])
    return low if low == high else f"{low} {text(language, 'to')} {high}"
