"""Scores of a model on whole datasets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable, concatenated
from ner_adv_plugin.data.vocabulary import LabelSpace, Vocabulary
from ner_adv_plugin.evaluation.calibration import Reliability, reliability
from ner_adv_plugin.evaluation.entity_scores import entity_scores
from ner_adv_plugin.evaluation.segmentation_scores import segmentation_scores
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model


@dataclass
class Predictions:
    """What one head says of one dataset.

    # Parameters

    spans : predicted spans of all sentences, in file order.
    loss : each sentence's loss divided by its characters; None without gold.
    """

    spans: SpanTable
    loss: NDArray[np.float64] | None


def predict_dataset(
    model: Model,
    dataset: EncodedDataset,
    head: str,
    batch_size: int = 64,
    description: str = "predicting",
    scored: bool = True,
) -> Predictions:
    """Find the spans of every sentence of a dataset, whole, by one head; the model's mode is left as it was.

    With several processes each predicts its share, and all get the whole.
    """
    has_gold = dataset.head == head

    def ask(batch: Batch) -> tuple[list[list[ScoredSpan]], Tensor | None]:
        return model.predict(batch if has_gold else batch.unlabelled(), head, scored)

    found: dict[int, list[ScoredSpan]] = {}
    loss: NDArray[np.float64] = np.zeros(len(dataset), dtype=np.float64)
    for batch, (spans, loss_B) in infer(model, dataset, ask, batch_size, description):
        found.update(zip(batch.sentence_ids, spans, strict=True))
        if loss_B is not None:
            loss[batch.sentence_ids] = loss_B.double().cpu().numpy() / np.maximum(batch.lengths, 1)

    # A sentence that another process predicted is missing here, and its loss 0.
    everything: dict[int, list[ScoredSpan]] = {}
    for part in gather(found):
        everything.update(part)
    types = model.vocab.label_space(head).types
    table = SpanTable.of([everything.get(sentence, []) for sentence in range(len(dataset))], types)
    return Predictions(table, np.sum(gather(loss), axis=0) if has_gold else None)


def counted(space: LabelSpace, dataset: str, predicted: SpanTable) -> SpanTable:
    """The predicted spans that count in a dataset's scores: none of types that its annotators did not mark."""
    marked = space.annotated_types.get(dataset)
    if marked is None:
        return predicted
    counts_T = np.array([name in marked for name in predicted.types], dtype=bool)
    return predicted.keep(counts_T[predicted.types_S])


def score(
    vocab: Vocabulary, head: str, datasets: Sequence[EncodedDataset], predicted: Sequence[SpanTable]
) -> dict[str, float]:
    """Scores of one head's predictions for some of its datasets together, without a prefix.

    # Parameters

    vocab : the model's.
    head : its name.
    datasets : with gold spans.
    predicted : spans of each of them.
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


def score_names(segmentation: bool, types: Sequence[str] = ()) -> list[str]:
    """The keys of a head's scores, of words or of entities of some types."""
    nothing = SpanTable.of([])
    return list(
        segmentation_scores(nothing, nothing, (), ())
        if segmentation
        else entity_scores(nothing, nothing, types)
    )


def metric_names(scored: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> list[str]:
    """The metrics of heads, given for each its datasets and the keys of its scores."""
    names = ["loss"]
    for head, (datasets, keys) in scored.items():
        names += [f"{head}_{key}" for key in keys] + [f"{head}_loss"]
        if len(datasets) > 1:
            names += [f"{head}_{dataset}_{key}" for dataset in datasets for key in keys]
    return names


class Evaluator:
    """Scores a model on datasets, head by head.

    # Parameters

    vocab : the model's.
    datasets : sentences with gold spans, by dataset; those without are left out.
    batch_size : sentences encoded together at most.
    """

    def __init__(
        self, vocab: Vocabulary, datasets: Mapping[str, EncodedDataset], batch_size: int = 64
    ) -> None:
        self.vocab = vocab
        self.batch_size = batch_size
        self.by_head: dict[str, list[EncodedDataset]] = {}
        for dataset in datasets.values():
            if dataset.head is not None:
                self.by_head.setdefault(dataset.head, []).append(dataset)

    def metric_names(self) -> list[str]:
        """The metrics that `evaluate` gives."""
        scored = {}
        for head, datasets in self.by_head.items():
            space = self.vocab.label_space(head)
            types = [
                name
                for dataset in datasets
                if dataset.spans is not None
                for name in dataset.spans.types_used()
            ]
            keys = score_names(space.segmentation, list(dict.fromkeys([*space.types, *types])))
            scored[head] = ([dataset.dataset for dataset in datasets], keys)
        return metric_names(scored)

    def predict(
        self, model: Model, description: str = "validating", scored: bool = False
    ) -> dict[str, Predictions]:
        """What the model says of every dataset; `scored` asks for the scores of spans, too."""
        return {
            dataset.dataset: predict_dataset(
                model, dataset, head, self.batch_size, f"{description} {dataset.dataset}", scored
            )
            for head, datasets in self.by_head.items()
            for dataset in datasets
        }

    def metrics(self, predictions: Mapping[str, Predictions]) -> dict[str, float]:
        """Metrics of every dataset's predictions, named `<head>_<key>`, and `<head>_<dataset>_<key>` if datasets
        share a head; `loss` is the sum of the heads' losses.
        """
        metrics: dict[str, float] = {}
        for head, datasets in self.by_head.items():
            predicted = [predictions[dataset.dataset].spans for dataset in datasets]
            if len(datasets) > 1:
                for dataset, spans in zip(datasets, predicted, strict=True):
                    alone = score(self.vocab, head, [dataset], [spans])
                    metrics.update(
                        {f"{head}_{dataset.dataset}_{key}": value for key, value in alone.items()}
                    )
            together = score(self.vocab, head, datasets, predicted)
            metrics.update({f"{head}_{key}": value for key, value in together.items()})
            losses = [
                own
                for dataset in datasets
                if (own := predictions[dataset.dataset].loss) is not None
            ]
            metrics[f"{head}_loss"] = float(np.concatenate(losses).mean()) if losses else 0.0
        metrics["loss"] = sum(metrics[f"{head}_loss"] for head in self.by_head)
        return metrics

    def reliability(self, predictions: Mapping[str, Predictions]) -> dict[str, Reliability]:
        """How well the scores of predicted entities are calibrated, by head; heads that segment words are left out."""
        found = {}
        for head, datasets in self.by_head.items():
            space = self.vocab.label_space(head)
            if not space.segmentation:
                scores, correct = [np.zeros(0)], [np.zeros(0, dtype=bool)]
                for dataset in datasets:
                    spans = counted(space, dataset.dataset, predictions[dataset.dataset].spans)
                    assert dataset.spans is not None
                    if spans.scores_S is not None:
                        scores.append(spans.scores_S.astype(np.float64))
                        correct.append(spans.found_in(dataset.spans))
                found[head] = reliability(np.concatenate(scores), np.concatenate(correct))
        return found

    def evaluate(self, model: Model, description: str = "validating") -> dict[str, float]:
        """The metrics of what the model says."""
        return self.metrics(self.predict(model, description))
