"""Entity scores: strict micro F1 in front, lenient and per-type scores beside it.

Shape suffixes: R sentences, C types, S spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.spans import SpanTable


@dataclass(frozen=True)
class EntityCounts:
    """Entities of each sentence and type, from which all scores follow.

    # Parameters

    types : names of the types, in the order of the columns.
    predicted_RC, gold_RC, correct_RC : how many; an entity is correct if start, end and type are right.
    """

    types: Sequence[str]
    predicted_RC: NDArray[np.int64]
    gold_RC: NDArray[np.int64]
    correct_RC: NDArray[np.int64]


def count_entities(
    predicted: SpanTable, gold: SpanTable, types: Sequence[str] = ()
) -> EntityCounts:
    """Count predicted, gold and correct entities.

    # Parameters

    predicted, gold : of the same R sentences; nested and overlapping spans count each on their own, repeated ones once.
    types : names that come first in the columns; other types that occur follow.
    """
    if len(predicted) != len(gold):
        raise ValueError(f"predictions for {len(predicted)} sentences, gold for {len(gold)}")
    names = list(dict.fromkeys([*types, *gold.types_used(), *predicted.types_used()]))
    predicted, gold = (table.distinct().with_types(names) for table in (predicted, gold))
    correct = gold.keep(gold.found_in(predicted))
    counts = (_by_sentence(table, len(names)) for table in (predicted, gold, correct))
    return EntityCounts(names, *counts)


def _by_sentence(spans: SpanTable, types: int) -> NDArray[np.int64]:
    cells_S = spans.sentences_S * types + spans.types_S
    return np.bincount(cells_S, minlength=len(spans) * types).reshape(len(spans), types)


def entity_scores(
    predicted: SpanTable, gold: SpanTable, types: Sequence[str] = ()
) -> dict[str, float]:
    """Strict micro `f1`, `precision` and `recall`, `lenient_f1`, and strict `f1_<TYPE>`; 0.0 if undefined.

    Strict equals seqeval with `mode="strict"` on flat entities. Lenient counts an entity if another of its type
    overlaps it. Parameters as in `count_entities`.
    """
    predicted, gold = predicted.distinct(), gold.distinct()
    counts = count_entities(predicted, gold, types)
    by_type = np.stack([counts.predicted_RC, counts.gold_RC, counts.correct_RC]).sum(1)
    precision, recall, f1 = precision_recall_f1(*by_type.sum(1).tolist())
    found, hit = lenient_matches(gold, predicted), lenient_matches(predicted, gold)
    scores = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "lenient_f1": harmonic_mean(hit, found),
    }
    for name, of_type in zip(counts.types, by_type.T.tolist(), strict=True):
        scores[f"f1_{name}"] = precision_recall_f1(*of_type)[2]
    return scores


def lenient_matches(spans: SpanTable, others: SpanTable) -> float:
    """The share of spans that overlap one of `others` of the same type in the same sentence; 0.0 without spans."""
    if not len(spans.starts_S):
        return 0.0
    names = list(dict.fromkeys([*spans.types, *others.types]))
    spans, others = spans.with_types(names), others.with_types(names)
    # Each sentence and type is a stretch of one line; spans of others are counted by where they begin and end.
    stride = 1 + max(int(spans.ends_S.max(initial=0)), int(others.ends_S.max(initial=0)))
    base_S = (spans.sentences_S * len(names) + spans.types_S) * stride
    other_base_S = (others.sentences_S * len(names) + others.types_S) * stride
    begun_S = np.searchsorted(
        np.sort(other_base_S + others.starts_S), base_S + spans.ends_S, side="left"
    )
    ended_S = np.searchsorted(
        np.sort(other_base_S + others.ends_S), base_S + spans.starts_S, side="right"
    )
    return float((begun_S > ended_S).mean())


def precision_recall_f1(
    num_predicted: int, num_gold: int, num_correct: int
) -> tuple[float, float, float]:
    """Precision, recall and F1 from counts; 0.0 if nothing was predicted, or nothing is there."""
    precision = num_correct / num_predicted if num_predicted else 0.0
    recall = num_correct / num_gold if num_gold else 0.0
    return precision, recall, harmonic_mean(precision, recall)


def harmonic_mean(precision: float, recall: float) -> float:
    """F1 of precision and recall; 0.0 if either is 0."""
    return 2 * precision * recall / (precision + recall) if precision and recall else 0.0
