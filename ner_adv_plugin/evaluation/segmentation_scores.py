"""Word segmentation scores: word F1 and recall of words that do not occur in training data.

Shape suffixes: S words.
"""

from collections.abc import Collection, Iterable

import numpy as np

from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.evaluation.entity_scores import precision_recall_f1


def segmentation_scores(
    predicted: SpanTable, gold: SpanTable, texts: Iterable[str], known_words: Collection[str]
) -> dict[str, float]:
    """Compute the scores of the SIGHAN bake-off over words (Emerson 2005).

    # Parameters

    predicted, gold : predicted and gold words of the same sentences.
    texts : text of each sentence.
    known_words : words of the training data; other gold words are out of vocabulary.

    # Returns

    `f1`, `precision`, `recall`, `oov_recall` and `oov_rate`, each 0.0 if undefined.

    # Examples

    >>> from ner_adv_plugin.data.labels.spans import tiling
    >>> gold = SpanTable.of([tiling([2, 1, 2])])  # 魏勇 | 在 | 深圳
    >>> predicted = SpanTable.of([tiling([2, 1, 1, 1])])  # 魏勇 | 在 | 深 | 圳
    >>> segmentation_scores(predicted, gold, ["魏勇在深圳"], {"魏勇", "在"})["precision"]
    0.5
    """
    correct_S = gold.found_in(predicted)
    unknown = [
        text[start:end] not in known_words
        for text, words in zip(texts, gold, strict=True)
        for start, end, _ in words or ()
    ]
    unknown_S = np.array(unknown, dtype=bool)

    precision, recall, f1 = precision_recall_f1(
        len(predicted.starts_S), len(gold.starts_S), int(correct_S.sum())
    )
    return {
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "oov_recall": float(correct_S[unknown_S].mean()) if unknown_S.any() else 0.0,
        "oov_rate": float(unknown_S.mean()) if len(unknown_S) else 0.0,
    }
