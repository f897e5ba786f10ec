"""Entity scores: strict micro F1, with lenient and per-type scores.

Shape suffixes: R sentences, C types, S spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.spans import SpanTable


@dataclass(frozen=True)
class EntityCounts:
    """Numbers of entities of each sentence and type, from which all scores are computed.

    # Parameters

    types : names of the types in the order of the columns.
    predicted_RC, gold_RC, correct_RC : number of predicted, gold and correct entities; an entity is
        correct if its start, end and type are.
    """

    types: Sequence[str]
    predicted_RC: NDArray[np.int64]
    gold_RC: NDArray[np.int64]
    correct_RC: NDArray[np.int64]


def count_entities(
    predicted: SpanTable, gold: SpanTable, types: Sequence[str] = ()
) -> EntityCounts:
    """Count predicted, gold and correct entities by sentence and type.

    Nested and overlapping entities count individually, repeated ones once.

    # Parameters

    predicted, gold : predicted and gold entities of the same R sentences.
    types : names of the first columns; other types that occur follow.

    # Raises

    ValueError : if the numbers of sentences differ.

    # Examples

    >>> from ner_adv_plugin.data.labels.spans import Span
    >>> gold = SpanTable.of([[Span(0, 2, "GPE")], [Span(0, 3, "ORG"), Span(0, 2, "GPE")]])
    >>> predicted = SpanTable.of([[Span(0, 2, "GPE")], [Span(0, 3, "ORG")]])
    >>> count_entities(predicted, gold, ["GPE", "ORG"]).correct_RC.tolist()
    [[1, 0], [0, 1]]
    """
    if len(predicted) != len(gold):
        raise ValueError(
            f"expected predicted and gold entities of the same sentences, found {len(predicted)} "
            f"and {len(gold)} sentences"
        )

    names = list(dict.fromkeys([*types, *gold.types_used(), *predicted.types_used()]))
    predicted, gold = (table.distinct().with_types(names) for table in (predicted, gold))
    correct = gold.keep(gold.found_in(predicted))
    counts = (_by_sentence(table, len(names)) for table in (predicted, gold, correct))
    return EntityCounts(names, *counts)


def _by_sentence(spans: SpanTable, types: int) -> NDArray[np.int64]:
    """Count spans by sentence and type, (R, C)."""
    cells_S = spans.sentences_S * types + spans.types_S
    return np.bincount(cells_S, minlength=len(spans) * types).reshape(len(spans), types)


def entity_scores(
    predicted: SpanTable, gold: SpanTable, types: Sequence[str] = ()
) -> dict[str, float]:
    """Compute micro-averaged entity scores, strict and lenient.

    Strict scores equal those of seqeval with `mode="strict"` for flat entities. The lenient score
    counts an entity as correct if another one of the same type overlaps it.

    # Parameters

    predicted, gold, types : see `count_entities`.

    # Returns

    Strict `f1`, `precision`, `recall` and `f1_<TYPE>`, and `lenient_f1`, each 0.0 if undefined.

    # Examples

    >>> from ner_adv_plugin.data.labels.spans import Span
    >>> gold = SpanTable.of([[Span(0, 2, "GPE"), Span(4, 6, "PER")]])
    >>> predicted = SpanTable.of([[Span(0, 2, "GPE"), Span(3, 6, "PER")]])
    >>> scores = entity_scores(predicted, gold)
    >>> scores["f1"], scores["lenient_f1"], scores["f1_GPE"]
    (0.5, 1.0, 1.0)
    """
    predicted, gold = predicted.distinct(), gold.distinct()
    counts = count_entities(predicted, gold, types)
    by_type = np.stack([counts.predicted_RC, counts.gold_RC, counts.correct_RC]).sum(1)
    precision, recall, f1 = precision_recall_f1(*by_type.sum(1).tolist())
    lenient_precision = lenient_matches(predicted, gold)
    lenient_recall = lenient_matches(gold, predicted)

    scores = {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "lenient_f1": harmonic_mean(lenient_precision, lenient_recall),
    }
    for name, of_type in zip(counts.types, by_type.T.tolist(), strict=True):
        scores[f"f1_{name}"] = precision_recall_f1(*of_type)[2]
    return scores


def lenient_matches(spans: SpanTable, others: SpanTable) -> float:
    """Return the share of spans that overlap one of `others`; 0.0 without spans.

    Only spans of the same sentence and type are compared.
    """
    if not len(spans.starts_S):
        return 0.0

    names = list(dict.fromkeys([*spans.types, *others.types]))
    spans, others = spans.with_types(names), others.with_types(names)

    # Each sentence and type is an interval of one axis. A span overlaps another one if more of the
    # others start before its end than end at or before its start.
    stride = 1 + max(int(spans.ends_S.max(initial=0)), int(others.ends_S.max(initial=0)))
    base_S = (spans.sentences_S * len(names) + spans.types_S) * stride
    other_base_S = (others.sentences_S * len(names) + others.types_S) * stride
    started_S = np.searchsorted(
        np.sort(other_base_S + others.starts_S), base_S + spans.ends_S, side="left"
    )
    ended_S = np.searchsorted(
        np.sort(other_base_S + others.ends_S), base_S + spans.starts_S, side="right"
    )
    return float((started_S > ended_S).mean())


def precision_recall_f1(
    num_predicted: int, num_gold: int, num_correct: int
) -> tuple[float, float, float]:
    """Compute precision, recall and F1 from counts, each 0.0 if undefined."""
    precision = num_correct / num_predicted if num_predicted else 0.0
    recall = num_correct / num_gold if num_gold else 0.0
    return precision, recall, harmonic_mean(precision, recall)


def harmonic_mean(precision: float, recall: float) -> float:
    """Compute the harmonic mean of precision and recall; 0.0 if either is 0."""
    return 2 * precision * recall / (precision + recall) if precision and recall else 0.0
