"""The scores of a run in words, and the entity types that are found worst."""

from collections.abc import Iterator, Mapping

from ner_adv_plugin.runs.explanation.record import RunRecord
from ner_adv_plugin.runs.explanation.words import listed, percent

# A type is weak if its F1 is this far below that of all types; so many are shown.
WEAK, SHOWN = 0.1, 5
# The entities have wrong boundaries, not wrong types, if lenient F1 is this much higher.
WRONG_BOUNDARIES = 0.1
# One of precision and recall is low if the other is this much higher.
ONE_SIDED = 0.15


def scores(run: RunRecord) -> Iterator[str]:
    """Yield the scores of each task that was validated or tested, and its weak types."""
    for task in run.tasks:
        for split, prefix in (("Validation", "best_validation"), ("Test", "test")):
            f1 = run.metrics.get(f"{prefix}_{task}_f1")
            if f1 is not None:
                yield f"{split}, {task}: F1 {percent(f1)}{_parts(run, f'{prefix}_{task}')}."
        yield from _weak_spots(run, task)


def types_of(run: RunRecord, task: str) -> dict[str, float]:
    """Return F1 by entity type on the test set or, without one, on the validation set."""
    for prefix in (f"test_{task}_f1_", f"best_validation_{task}_f1_"):
        found = {
            key.removeprefix(prefix): float(value)
            for key, value in run.metrics.items()
            if key.startswith(prefix)
        }
        if found:
            return found
    return {}


def _parts(run: RunRecord, prefix: str) -> str:
    """Return precision, recall, and the F1 of entities with wrong boundaries."""
    names = {"precision": "precision", "recall": "recall", "lenient_f1": "lenient F1"}
    shown = [
        f"{shown} {percent(run.metrics[f'{prefix}_{key}'])}"
        for key, shown in names.items()
        if f"{prefix}_{key}" in run.metrics
    ]
    return f" ({', '.join(shown)})" if shown else ""


def _weak_spots(run: RunRecord, task: str) -> Iterator[str]:
    """Yield the weakest types, and whether boundaries, precision or recall are at fault."""
    prefix = f"test_{task}" if f"test_{task}_f1" in run.metrics else f"best_validation_{task}"
    metrics: Mapping[str, float] = run.metrics
    f1 = metrics.get(f"{prefix}_f1")
    if f1 is None:
        return
    types = types_of(run, task)
    weak = sorted((value, name) for name, value in types.items() if value < f1 - WEAK)
    if weak:
        shown = [f"{name} {percent(value)}" for value, name in weak[:SHOWN]]
        yield (f"Weakest types of {task}: {listed(shown)}. `allennlp audit` counts their entities.")
    if metrics.get(f"{prefix}_lenient_f1", f1) - f1 > WRONG_BOUNDARIES:
        yield f"Many entities of {task} are found with wrong boundaries: lenient F1 is much higher."
    precision, recall = (metrics.get(f"{prefix}_{key}", f1) for key in ("precision", "recall"))
    if precision - recall > ONE_SIDED:
        yield f"More entities of {task} are missed than invented: recall is the lower one."
    if recall - precision > ONE_SIDED:
        yield f"More entities of {task} are invented than missed: precision is the lower one."
