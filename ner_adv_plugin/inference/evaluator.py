"""Evaluation of a model on whole datasets."""

from collections.abc import Mapping

import numpy as np

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.evaluation.calibration import Reliability, reliability
from ner_adv_plugin.inference.metrics import (
    counted,
    metric_names,
    raw_text_metrics,
    score_names,
    span_metrics,
)
from ner_adv_plugin.inference.predictions import Predictions, measure_dataset, predict_dataset
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics


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
            own = {dataset.dataset: predictions[dataset.dataset] for dataset in datasets}
            if self.vocab.label_space(head).raw_text:
                nothing: Statistics = {"loss": (0.0, 0)}
                measured = {name: found.measured or nothing for name, found in own.items()}
                metrics.update(raw_text_metrics(head, measured))
                continue

            predicted = [found.spans for found in own.values()]
            metrics.update(span_metrics(self.vocab, head, datasets, predicted))
            losses = [found.loss for found in own.values() if found.loss is not None]
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
