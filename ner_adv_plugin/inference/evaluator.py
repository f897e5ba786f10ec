"""Evaluation of a model on whole datasets.

Shape suffixes: S predicted spans, T span types.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable, concatenated
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.evaluation.calibration import Reliability, reliability
from ner_adv_plugin.evaluation.entity_scores import entity_scores
from ner_adv_plugin.evaluation.segmentation_scores import segmentation_scores
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics, as_numbers, averages, summed


@dataclass
class Predictions:
    """The predictions of one head for one dataset.

    # Parameters

    spans : predicted spans of all sentences, in the order of the dataset.
    loss : loss of each sentence divided by its number of characters; None without gold spans.
    measured : for raw text, the statistics of its head, in plain numbers, in place of spans.
    """

    spans: SpanTable
    loss: NDArray[np.float64] | None
    measured: Statistics | None = None


def predict_dataset(
    model: Model,
    dataset: EncodedDataset,
    head: str,
    batch_size: int = 64,
    description: str = "predicting",
    scored: bool = True,
) -> Predictions:
    """Predict the spans of every sentence of a dataset with one head.

    Sentences are not cut. The mode of the model is restored. With several processes, each predicts
    its share of the sentences, and all return the whole result.

    # Parameters

    model : the model.
    dataset : the sentences.
    head : name of the head.
    batch_size : maximum number of sentences in a batch.
    description : label of the progress bar.
    scored : whether to compute the scores of spans.
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

    # Sentences predicted by other processes are missing in this one, and their losses are 0.
    by_sentence: dict[int, list[ScoredSpan]] = {}
    for share in gather(found):
        by_sentence.update(share)
    types = model.vocab.label_space(head).types
    table = SpanTable.of([by_sentence.get(sentence, []) for sentence in range(len(dataset))], types)
    return Predictions(table, np.sum(gather(loss), axis=0) if has_gold else None)


def measure_dataset(
    model: Model, dataset: EncodedDataset, head: str, batch_size: int, description: str
) -> Predictions:
    """Measure a head on raw text, which has no spans; see `Head.statistics`.

    # Parameters

    model, dataset, head, batch_size, description : see `predict_dataset`.
    """

    def ask(batch: Batch) -> Statistics:
        return model.measure(batch, head)

    batches = infer(model, dataset, ask, batch_size, description)
    own = summed(as_numbers(statistics) for _, statistics in batches)
    no_spans = SpanTable.of([[] for _ in range(len(dataset))])
    return Predictions(no_spans, None, summed(gather(own)))


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


class Evaluator:
    """Evaluate a model on datasets, head by head.

    # Parameters

    vocab : vocabulary of the model.
    datasets : the encoded datasets by name; unlabelled ones are ignored.
    batch_size : maximum number of sentences in a batch.

    # Examples

    >>> from ner_adv_plugin.data.alphabet import CharacterAlphabet
    >>> from ner_adv_plugin.data.reading import MsraReader
    >>> reader = MsraReader(max_instances=20)
    >>> reader.bind("msra")
    >>> sentences = reader.read("fixtures/data/msra/train.bio")
    >>> vocab = Vocabulary.from_instances({"train": {"msra": sentences}}, {"msra": reader})
    >>> characters = vocab.get_token_to_index_vocabulary("characters")
    >>> alphabet = CharacterAlphabet(characters, unknown=1)
    >>> dataset = EncodedDataset("msra", sentences, vocab, alphabet)

    With a model, `evaluate` predicts and scores; here gold spans are scored as predictions:

    >>> evaluator = Evaluator(vocab, {"msra": dataset})
    >>> evaluator.metrics({"msra": Predictions(dataset.spans, loss=None)})["msra_f1"]
    1.0
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
        """Return the names of the metrics that `evaluate` returns."""
        scored = {}
        for head, datasets in self.by_head.items():
            space = self.vocab.label_space(head)
            types = [
                name
                for dataset in datasets
                if dataset.spans is not None
                for name in dataset.spans.types_used()
            ]
            keys = score_names(space.task, list(dict.fromkeys([*space.types, *types])))
            scored[head] = ([dataset.dataset for dataset in datasets], keys)
        return metric_names(scored)

    def predict(
        self, model: Model, description: str = "validating", scored: bool = False
    ) -> dict[str, Predictions]:
        """Predict the spans of every dataset.

        # Parameters

        model : the model.
        description : label of the progress bar, followed by the name of the dataset.
        scored : whether to compute the scores of spans.
        """
        found: dict[str, Predictions] = {}
        for head, datasets in self.by_head.items():
            for dataset in datasets:
                shown = f"{description} {dataset.dataset}"
                found[dataset.dataset] = (
                    measure_dataset(model, dataset, head, self.batch_size, shown)
                    if self.vocab.label_space(head).raw_text
                    else predict_dataset(model, dataset, head, self.batch_size, shown, scored)
                )
        return found

    def metrics(self, predictions: Mapping[str, Predictions]) -> dict[str, float]:
        """Compute the metrics of predictions.

        # Parameters

        predictions : predictions for every dataset.

        # Returns

        `<head>_<score>` and `<head>_loss` of every head, `<head>_<dataset>_<score>` if several
        datasets share a head, and `loss`, the sum over heads. A loss that was not computed is left
        out.
        """
        metrics: dict[str, float] = {}
        for head, datasets in self.by_head.items():
            if self.vocab.label_space(head).raw_text:
                metrics.update(_raw_text_metrics(head, datasets, predictions))
                continue
            predicted = [predictions[dataset.dataset].spans for dataset in datasets]
            if len(datasets) > 1:
                for dataset, spans in zip(datasets, predicted, strict=True):
                    scores = score(self.vocab, head, [dataset], [spans])
                    metrics.update(
                        {f"{head}_{dataset.dataset}_{key}": value for key, value in scores.items()}
                    )
            scores = score(self.vocab, head, datasets, predicted)
            metrics.update({f"{head}_{key}": value for key, value in scores.items()})

            losses = [
                own
                for dataset in datasets
                if (own := predictions[dataset.dataset].loss) is not None
            ]
            if losses:
                metrics[f"{head}_loss"] = float(np.concatenate(losses).mean())

        names = [f"{head}_loss" for head in self.by_head if f"{head}_loss" in metrics]
        if names or not self.by_head:
            metrics["loss"] = sum(metrics[name] for name in names)
        return metrics

    def reliability(self, predictions: Mapping[str, Predictions]) -> dict[str, Reliability]:
        """Compute the reliability diagram of every head for entities.

        # Parameters

        predictions : predictions with scores for every dataset.
        """
        found = {}
        for head, datasets in self.by_head.items():
            space = self.vocab.label_space(head)
            if space.task == "ner":
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
        """Predict the spans of every dataset and compute the metrics.

        # Parameters

        model : the model.
        description : label of the progress bar, followed by the name of the dataset.
        """
        return self.metrics(self.predict(model, description))


def _raw_text_metrics(
    head: str, datasets: Sequence[EncodedDataset], predictions: Mapping[str, Predictions]
) -> dict[str, float]:
    """Return the metrics of a head for raw text, see `Evaluator.metrics`."""
    measured = {
        dataset.dataset: predictions[dataset.dataset].measured or {"loss": (0.0, 0)}
        for dataset in datasets
    }
    metrics = {
        f"{head}_{key}": value for key, value in measured_scores([*measured.values()]).items()
    }
    if len(datasets) > 1:
        for name, own in measured.items():
            scores = measured_scores([own])
            del scores["loss"]
            metrics.update({f"{head}_{name}_{key}": value for key, value in scores.items()})
    return metrics
