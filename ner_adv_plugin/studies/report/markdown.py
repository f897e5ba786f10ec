"""Reports in GitHub's Markdown, in English."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ner_adv_plugin.studies.errors import ErrorAnalysis, ErrorClass
from ner_adv_plugin.studies.report.content import ReportContent
from ner_adv_plugin.studies.report.messages import in_language, text
from ner_adv_plugin.studies.report.numbers import (
    change,
    count,
    interval,
    minutes,
    p_value,
    points,
)
from ner_adv_plugin.studies.report.wording import (
    audit_rows,
    censored,
    described,
    factor,
    family_title,
    plain_verdict,
    tuned_rows,
    unequal_updates,
    worth_range,
)
from ner_adv_plugin.studies.statistics.seeds import smallest_p

# Entries of a list of entities.
MOST_ENTRIES = 10


def report_markdown(content: ReportContent) -> str:
    """Return the report of a study."""
    return "\n".join(_report(content)) + "\n"


def errors_markdown(analysis: ErrorAnalysis, a: str, b: str) -> str:
    """Return the report of an error analysis.

    # Parameters

    analysis : of two arms or runs.
    a, b : their names.
    """
    title = text("en", "errors_title", a=escaped(a), b=escaped(b))
    return "\n".join([f"# {title}", "", *_errors(analysis, a, b)]) + "\n"


def escaped(value: Any) -> str:
    r"""Return a text without meaning for Markdown and HTML.

    # Examples

    >>> print(escaped("a|b <i> *c*"))
    a\|b &lt;i> \*c\*
    """
    shown = str(value).replace("&", "&amp;").replace("<", "&lt;")
    for character in "\\|`*_[]#":
        shown = shown.replace(character, "\\" + character)
    return " ".join(shown.split())


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the lines of a table: the first column is text, the others are numbers.

    # Parameters

    header : names of the columns.
    rows : cells, escaped already.
    """
    yield f"| {' | '.join(header)} |"
    yield f"|---|{'---:|' * (len(header) - 1)}"
    for row in rows:
        yield f"| {' | '.join(str(cell) for cell in row)} |"
    yield ""


def _report(content: ReportContent) -> Iterator[str]:
    results = content.results
    yield f"# {text('en', 'title', target=escaped(results['target']))}"
    yield ""
    if not results["families"]:
        yield text("en", "no_comparison")
        return
    yield f"**{escaped(plain_verdict(results, 'en'))}**"
    yield ""
    if content.failed:
        names = escaped(", ".join(content.failed))
        yield text("en", "failed", count=len(content.failed), total=content.planned, names=names)
        yield ""

    yield "## Arms"
    yield ""
    yield text("en", "arms_caption")
    yield ""
    for family in results["families"]:
        yield from _family(family, results)
    if results["label_worth"]:
        yield from _label_worth(results["label_worth"])
    if content.error_family is not None:
        yield "## Errors"
        yield ""
        family = in_language(family_title(content.error_family), "en")
        only = f" {text('en', 'errors_of_one')}" if len(results["families"]) > 1 else ""
        yield text("en", "errors_caption", family=family) + only
        yield ""
    for one in content.errors:
        yield f"### Errors of {escaped(one.arm)} against {escaped(content.baseline)}"
        yield ""
        yield from _errors(one.analysis, content.baseline, one.arm)
    yield from _reproduction(content)


def _family(family: dict[str, Any], results: dict[str, Any]) -> Iterator[str]:
    seeds = family["seeds"]
    yield (
        f"### {family['sentences']:,} training sentences, equal {family['budget']},"
        f" {family['split']} set"
    )
    yield ""
    header = ["arm", "mean F1", "difference", "verdict", "95 % interval", "p after Holm"]
    header += [*(f"seed {seed}" for seed in seeds), text("en", "vote")]
    header += [text("en", "target_updates", target=escaped(results["target"]))]
    header += [text("en", "cpu_minutes")]
    yield from table(header, (_arm(name, arm) for name, arm in family["arms"].items()))
    if (note := unequal_updates(family, results)) is not None:
        yield escaped(in_language(note, "en"))
        yield ""
    keys = ("p_seeds", "p_sign_flip", "p_sentences", "p_both")
    yield from table(
        [
            "arm",
            "interval over seeds",
            "interval over sentences",
            *(text("en", key) for key in keys),
            "detectable difference",
            "seeds for 1 point",
        ],
        (
            [
                escaped(name),
                interval(arm["seeds_interval"]),
                interval(arm["sentences_interval"]),
                *(p_value(arm[key]) for key in keys),
                points(arm["detectable"]),
                arm["seeds_for_a_point"] or ("unknown" if len(seeds) < 2 else "over 1,000"),
            ]
            for name, arm in family["arms"].items()
            if "difference" in arm
        ),
    )
    yield text("en", "sign_flip_floor", seeds=len(seeds), floor=f"{smallest_p(len(seeds)):.3g}")
    yield ""


def _arm(name: str, arm: dict[str, Any]) -> list[str]:
    """Return the cells of an arm."""
    return [
        escaped(name),
        points(arm["mean_f1"]),
        *_compared(arm),
        *(points(score) for score in arm["f1"]),
        "" if arm["vote_f1"] is None else points(arm["vote_f1"]),
        count(arm["target_updates"]),
        minutes(arm["cpu_seconds"]),
    ]


def _compared(arm: dict[str, Any]) -> list[str]:
    """Return the cells of an arm's comparison; empty for the baseline."""
    if "difference" not in arm:
        return ["", "baseline", "", ""]
    return [
        points(arm["difference"], signed=True),
        arm["verdict"],
        interval(arm["interval"]),
        p_value(arm["p_holm"]),
    ]


def _label_worth(label_worth: dict[str, Any]) -> Iterator[str]:
    yield "## Label worth"
    yield ""
    yield text("en", "label_worth_caption")
    yield ""
    for budget, arms in label_worth.items():
        yield from table(
            [f"arm, equal {escaped(budget)}", "sentences", "baseline needs", "interval", "factor"],
            (
                [
                    escaped(arm),
                    f"{worth['size']:,}",
                    in_language(censored(worth["equivalent"], worth), "en"),
                    worth_range(worth, "en"),
                    in_language(factor(worth), "en"),
                ]
                for arm, worths in arms.items()
                for worth in worths
            ),
        )


def _errors(analysis: ErrorAnalysis, a: str, b: str) -> Iterator[str]:
    """Yield the tables of an error analysis and its lists of entities."""
    overall = analysis.overall
    yield from table(
        ["class", escaped(a), escaped(b), "change"],
        (
            [
                text("en", f"class_{name}"),
                count(overall.a.classes[name]),
                count(overall.b.classes[name]),
                change(overall.b.classes[name] - overall.a.classes[name]),
            ]
            for name in ErrorClass
        ),
    )
    names = [f"{score} {escaped(arm)}" for score in ("F1", "P", "R") for arm in (a, b)]
    for kind, groups in {"all": [overall], **analysis.by}.items():
        yield from table(
            [text("en", f"by_{kind}"), "gold", "difference in F1", *names],
            (
                [
                    escaped(group.label) or "words",
                    count(group.a.gold),
                    points(group.b.f1 - group.a.f1, signed=True),
                    *(
                        points(getattr(scores, name))
                        for name in ("f1", "precision", "recall")
                        for scores in (group.a, group.b)
                    ),
                ]
                for group in groups
            ),
        )
    yield from _disagreements(analysis, a, b)


def _disagreements(analysis: ErrorAnalysis, a: str, b: str) -> Iterator[str]:
    """Yield the entities that one arm finds and the other does not."""
    for arm, found in ((b, analysis.only_b), (a, analysis.only_a)):
        for right in (True, False):
            entries = [one for one in found if one.is_gold is right]
            key = "only_right" if right else "only_wrong"
            yield f"**{text('en', key, arm=escaped(arm))}: {len(entries)}**"
            yield ""
            for one in entries[:MOST_ENTRIES]:
                start, end, name = one.entity
                yield (
                    f"- {escaped(one.text[max(0, start - 20) : start])}"
                    f"**{escaped(one.text[start:end])}** ({escaped(name)})"
                    f"{escaped(one.text[end : end + 20])}"
                    f" – {escaped(a)} {one.votes_a} of {analysis.runs_a}{_score(one.score_a)},"
                    f" {escaped(b)} {one.votes_b} of {analysis.runs_b}{_score(one.score_b)}"
                    + (
                        f"; instead {escaped(described(one.text, one.instead))}"
                        if one.instead
                        else ""
                    )
                )
            if entries:
                yield ""


def _reproduction(content: ReportContent) -> Iterator[str]:
    yield "## Configs"
    yield ""
    for name, changes in content.config_changes.items():
        yield from table(
            [f"{escaped(name)}: key", escaped(content.baseline), escaped(name)],
            ([escaped(key), escaped(old) or "–", escaped(new) or "–"] for key, old, new in changes),
        )
    if tuned := list(tuned_rows(content.study.get("tuned", {}))):
        yield "## Tuned values"
        yield ""
        yield text("en", "tuned_caption")
        yield ""
        yield from table(
            ["arm", "key", "value", "trials", "importance"],
            ([escaped(cell) for cell in row] for row in tuned),
        )
    yield "## Run it again"
    yield ""
    yield f"    {' '.join(content.study['command'].split())}"
    yield ""
    yield "## Data audit"
    yield ""
    yield from table(
        ["arm", "dataset", "training", "left out", "validation", "test"],
        ([escaped(cell) for cell in row] for row in audit_rows(content.study["audit"])),
    )
    versions = ", ".join(f"{name} {version}" for name, version in content.versions.items())
    yield f"{versions}. {text('en', 'written', date=content.date)}"


def _score(value: float) -> str:
    return f" (score {value:.2f})" if value == value else ""
