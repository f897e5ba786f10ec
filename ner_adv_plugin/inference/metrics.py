"""Names and values of the metrics of heads over datasets.

Shape suffixes: S predicted spans, T span types.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.data.labels.spans import SpanTable, concatenated
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.evaluation.entity_scores import entity_scores
from ner_adv_plugin.evaluation.segmentation_scores import segmentation_scores
from ner_adv_plugin.modules.statistics import Statistics, averages, summed


def score_names(task: str, types: Sequence[str] = ()) -> list[str]:
    """Return the names of the scores of a head, besides its loss.

    # Parameters

    task : "ner", "segmentation" or "raw_text".
    types : types of entities.
    """
    if task == "raw_text":
        return ["accuracy", "perplexity"]
    nothing = SpanTable.of([])
    return list(
        segmentation_scores(nothing, nothing, (), ())
        if task == "segmentation"
        else entity_scores(nothing, nothing, types)
    )


def metric_names(scored: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> list[str]:
    """Return the names of the metrics of an evaluation.

    # Parameters

    scored : the datasets of each head and the names of its scores.
    """
    names = ["loss"]
    for head, (datasets, keys) in scored.items():
        names += [f"{head}_{key}" for key in keys] + [f"{head}_loss"]
        if len(datasets) > 1:
            names += [f"{head}_{dataset}_{key}" for dataset in datasets for key in keys]
    return names


def counted(space: LabelSpace, dataset: str, predicted: SpanTable) -> SpanTable:
    """Select the predicted spans that count in the scores of a dataset.

    Types that the annotators of the dataset did not mark do not count.
    """
    marked = space.annotated_types.get(dataset)
    if marked is None:
        return predicted
    counts_T = np.array([name in marked for name in predicted.types], dtype=bool)
    return predicted.keep(counts_T[predicted.types_S])


def score(
    vocab: Vocabulary, head: str, datasets: Sequence[EncodedDataset], predicted: Sequence[SpanTable]
) -> dict[str, float]:
    """Score the predictions of one head for several datasets together.

    # Parameters

    vocab : vocabulary of the model.
    head : name of the head.
    datasets : datasets with gold spans.
    predicted : predicted spans of each dataset.

    # Returns

    The scores of `segmentation_scores` or `entity_scores`, without a prefix.
    """
    space = vocab.label_space(head)
    gold_spans = concatenated([dataset.spans for dataset in datasets if dataset.spans is not None])
    predicted_spans = concatenated(
        [
            counted(space, dataset.dataset, spans)
            for dataset, spans in zip(datasets, predicted, strict=True)
        ]
    )

    if space.segmentation:
        texts = (text for dataset in datasets for text in dataset.texts())
        return segmentation_scores(predicted_spans, gold_spans, texts, vocab.known_words(head))
    return entity_scores(predicted_spans, gold_spans, space.types)


def span_metrics(
    vocab: Vocabulary, head: str, datasets: Sequence[EncodedDataset], predicted: Sequence[SpanTable]
) -> dict[str, float]:
    """Return the metrics of a head for spans, besides its loss.

    # Parameters

    vocab, head, datasets, predicted : see `score`.

    # Returns

    `<head>_<score>`, and `<head>_<dataset>_<score>` if there are several datasets.
    """
    metrics: dict[str, float] = {}
    if len(datasets) > 1:
        for dataset, spans in zip(datasets, predicted, strict=True):
            scores = score(vocab, head, [dataset], [spans])
            metrics.update(_prefixed(f"{head}_{dataset.dataset}", scores))
    metrics.update(_prefixed(head, score(vocab, head, datasets, predicted)))
    return metrics


def measured_scores(measured: Sequence[Statistics]) -> dict[str, float]:
    """Return loss, accuracy and perplexity of a language model.

    # Parameters

    measured : sums and counts of each dataset.

    # Returns

    Means over all masked characters, NaN if there are none; the perplexity is exp(loss).
    """
    total = summed(measured)
    scores = {**dict.fromkeys(total, float("nan")), **averages(total)}
    return {**scores, "perplexity": float(np.exp(scores["loss"]))}


def raw_text_metrics(head: str, measured: Mapping[str, Statistics]) -> dict[str, float]:
    """Return the metrics of a head for raw text.

    # Parameters

    head : name of the head.
    measured : statistics of the head by dataset.

    # Returns

    `<head>_<score>` and `<head>_loss`, and `<head>_<dataset>_<score>` if there are several
    datasets.
    """
    metrics = _prefixed(head, measured_scores([*measured.values()]))
    if len(measured) > 1:
        for name, own in measured.items():
            scores = measured_scores([own])
            del scores["loss"]
            metrics.update(_prefixed(f"{head}_{name}", scores))
    return metrics


def _prefixed(prefix: str, scores: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}_{key}": value for key, value in scores.items()}
