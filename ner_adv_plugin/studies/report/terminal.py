"""Error analyses as tables of a terminal."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from ner_adv_plugin.common.terminal import console
from ner_adv_plugin.studies.errors import Disagreement, ErrorAnalysis, ErrorClass
from ner_adv_plugin.studies.report.messages import text
from ner_adv_plugin.studies.report.numbers import change, count, points
from ner_adv_plugin.studies.report.wording import described

# Entries of a list, and characters of context.
MOST_ENTRIES = 10
CONTEXT = 12


def print_errors(analysis: ErrorAnalysis, a: str, b: str) -> None:
    """Print an error analysis.

    # Parameters

    analysis : of two arms or runs.
    a, b : their names.
    """
    print(f"a: {a}\nb: {b}\n{analysis.sentences} sentences")
    overall = analysis.overall
    _print_table(
        ["class", "a", "b", "change"],
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
    names = [f"{score} {arm}" for score in ("F1", "P", "R") for arm in ("a", "b")]
    for kind, groups in {"all": [overall], **analysis.by}.items():
        print(text("en", f"by_{kind}"))
        _print_table(
            ["group", "gold", "difference", *names],
            (
                [
                    group.label or "words",
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
    if "seen" not in analysis.by:
        print(text("en", "no_training_side"))
    for arm, found in (("b", analysis.only_b), ("a", analysis.only_a)):
        for right in (True, False):
            entries = [one for one in found if one.is_gold is right]
            key = "only_right" if right else "only_wrong"
            print(f"{text('en', key, arm=arm)}: {len(entries)}")
            for one in entries[:MOST_ENTRIES]:
                print(f"  {_line(one)}")


def _print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table()
    for i, name in enumerate(header):
        table.add_column(Text(name), justify="right" if i else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def _line(one: Disagreement) -> str:
    """Return an entity in its context, with its scores."""
    start, end, name = one.entity
    before, after = one.text[max(0, start - CONTEXT) : start], one.text[end : end + CONTEXT]
    scores = [
        f"{run} {score:.2f}"
        for run, score in (("a", one.score_a), ("b", one.score_b))
        if score == score
    ]
    shown = f"{before}[{one.text[start:end]} {name}]{after}".replace("\n", " ")
    instead = f"; instead {described(one.text, one.instead)}" if one.instead else ""
    return f"{shown} ({', '.join(scores)}{instead})"
