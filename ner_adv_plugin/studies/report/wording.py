"""What all reports say in the same words: verdicts, label worth, entities, the data audit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from ner_adv_plugin.studies.predictions import Entity
from ner_adv_plugin.studies.report import numbers
from ner_adv_plugin.studies.report.messages import Message, in_language, text
from ner_adv_plugin.studies.statistics import Verdict

# Arms whose updates of the target differ by more than this share are named.
UPDATES_TOLERANCE = 0.1


def plain_verdict(results: Mapping[str, Any], language: str) -> str:
    """Return the verdict in one sentence of one language."""
    clauses = [in_language(one, language) for one in verdict_clauses(results)]
    start = text(language, "verdict_start", baseline=results["baseline"])
    return start + text(language, "separator").join(clauses) + text(language, "full_stop")


def verdict_clauses(results: Mapping[str, Any]) -> Iterator[Message]:
    """Yield what is said of the arms: in how many of its comparisons each has which verdict."""
    families = results["families"]
    always: dict[str, list[str]] = {verdict: [] for verdict in Verdict}
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


def _listed(names: Sequence[Message | str]) -> Message | str:
    """Return names as a list in words."""
    if len(names) == 1:
        return names[0]
    found = names[0]
    for name in names[1:-1]:
        found = Message("listed", first=found, second=name)
    return Message("last_listed", first=found, second=names[-1])


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


def worth_range(worth: Mapping[str, Any], language: str) -> str:
    """Return the interval of a label worth, in words; one if both ends lie beyond the curve."""
    low, high = (in_language(censored(end, worth), language) for end in worth["interval"])
    return low if low == high else f"{low} {text(language, 'to')} {high}"


def family_title(family: Mapping[str, Any]) -> Message:
    """Return the title of a family of `results.json`."""
    budget = named_budget(family["budget"])
    return Message("family", sentences=f"{family['sentences']:,}", budget=budget)


def unequal_updates(family: Mapping[str, Any], results: Mapping[str, Any]) -> Message | None:
    """Return which arms train on the target more or less often than the baseline, if any do.

    # Parameters

    family, results : of `results.json`.
    """
    baseline = results["baseline"]
    expected = family["arms"][baseline]["target_updates"]
    if not expected:
        return None

    unequal = [
        Message("arm_updates", arm=name, count=numbers.count(arm["target_updates"]))
        for name, arm in family["arms"].items()
        if arm["target_updates"] is not None
        and abs(arm["target_updates"] / expected - 1) > UPDATES_TOLERANCE
    ]
    if not unequal:
        return None
    return Message(
        "unequal_updates",
        target=results["target"],
        baseline=baseline,
        count=numbers.count(expected),
        arms=_listed(unequal),
    )


def named_budget(name: str) -> Message | str:
    """Return what a budget makes equal."""
    known = ("epochs", "steps", "updates", "seconds")
    return Message(f"budget_{name}") if name in known else name


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


def described(sentence: str, entity: Entity) -> str:
    """Return an entity as its surface form and type."""
    start, end, name = entity
    return f"{sentence[start:end]} {name}".rstrip()


def tuned_rows(tuned: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield arm, config path, value as JSON, trials and importance of every tuned value.

    # Parameters

    tuned : the best trial of each arm, as in `study.json`; empty if arms were not tuned.
    """
    for arm, best in tuned.items():
        for path, value in best["values"].items():
            importance = best["importances"].get(path)
            yield (
                arm,
                path,
                json.dumps(value, ensure_ascii=False),
                f"{best['trials']:,}",
                "–" if importance is None else f"{importance:.2f}",
            )
