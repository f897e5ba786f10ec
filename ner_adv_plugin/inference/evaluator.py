"""Scores of a model on whole datasets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedRows
from ner_adv_plugin.data.labels.tag_schemes import OUTSIDE_TAG
from ner_adv_plugin.data.vocabulary import LabelSpace, Vocabulary
from ner_adv_plugin.evaluation.ner_scores import NerScorer
from ner_adv_plugin.evaluation.segmentation_scores import SegmentationScorer
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model


@dataclass
class Predictions:
    """What one head says of one dataset.

    # Parameters

    tags : predicted tags of all rows in file order, flat like those of `EncodedRows`.
    nll : each row's negative log-likelihood of the gold tags, divided by its characters; None without gold.
    """

    tags: NDArray[np.int16]
    nll: NDArray[np.float64] | None


def predict_rows(
    model: Model, rows: EncodedRows, head: str, batch_size: int = 64, description: str = "predicting"
) -> Predictions:
    """Tag every row of a dataset, whole, by one head; the model is left in the mode it was in.

    Where there are several processes each tags its share, and all get the whole.
    """
    tags: NDArray[np.int16] = np.zeros(int(rows.offsets[-1]), dtype=np.int16)
    nll: NDArray[np.float64] = np.zeros(len(rows), dtype=np.float64)
    has_gold = rows.head == head and rows.tags is not None

    def ask(batch: Batch) -> tuple[Tensor, Tensor | None]:
        return model.predict(batch if has_gold else batch.without_tags(), head)

    for batch, (best_BL, nll_B) in infer(model, rows, ask, batch_size, description):
        best = best_BL.cpu().numpy()
        for i, (row, length) in enumerate(zip(batch.row_ids, batch.lengths, strict=True)):
            tags[rows.offsets[row] : rows.offsets[row] + length] = best[i, :length]
        if nll_B is not None:
            nll[batch.row_ids] = nll_B.double().cpu().numpy() / np.maximum(batch.lengths, 1)
    # A row that another process tagged is 0 here.
    tags = np.sum(gather(tags), axis=0, dtype=tags.dtype)
    nll = np.sum(gather(nll), axis=0)
    return Predictions(tags, nll if has_gold else None)


def counted(space: LabelSpace, dataset: str, predicted: NDArray[np.int16]) -> NDArray[np.int16]:
    """Predicted tags as they count in a dataset's scores: those of types that it does not mark are read as `O`."""
    others = space.unannotated(dataset)
    if not others:
        return predicted
    outside = np.int16(space.labels.index(OUTSIDE_TAG))
    return np.where(np.isin(predicted, others), outside, predicted)


class _Scores:
    """The scorer of one head, which takes datasets whose extra labels differ."""

    def __init__(self, vocab: Vocabulary, head: str, datasets: Sequence[EncodedRows]) -> None:
        self._space = space = vocab.label_space(head)
        self._labels = list(space.labels)
        self._labels += sorted({label for rows in datasets for label in rows.labels} - set(self._labels))
        self._scorer: NerScorer | SegmentationScorer
        if space.scheme.segmentation:
            self._scorer = SegmentationScorer(self._labels, space.scheme, vocab.known_words(head))
        else:
            self._scorer = NerScorer(self._labels, space.scheme)

    def add(self, rows: EncodedRows, predicted: NDArray[np.int16]) -> None:
        """Count one dataset."""
        assert rows.tags is not None
        predicted = counted(self._space, rows.dataset, predicted)
        own = np.array([self._labels.index(label) for label in rows.labels], dtype=np.int16)
        if isinstance(self._scorer, SegmentationScorer):
            self._scorer.update(own[predicted], own[rows.tags], rows.lengths, list(rows.texts()))
        else:
            self._scorer.update(own[predicted], own[rows.tags], rows.lengths)

    def compute(self) -> dict[str, float]:
        return self._scorer.compute()


def score_dataset(vocab: Vocabulary, rows: EncodedRows, predicted: NDArray[np.int16]) -> dict[str, float]:
    """Scores of one dataset's predictions, without a prefix."""
    assert rows.head is not None
    scores = _Scores(vocab, rows.head, [rows])
    scores.add(rows, predicted)
    return scores.compute()


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
    datasets : rows with gold tags, by dataset; those without are left out.
    batch_size : rows encoded together at most.
    """

    def __init__(self, vocab: Vocabulary, datasets: Mapping[str, EncodedRows], batch_size: int = 64) -> None:
        self.vocab = vocab
        self.batch_size = batch_size
        self.by_head: dict[str, list[EncodedRows]] = {}
        for rows in datasets.values():
            if rows.head is not None and rows.tags is not None:
                self.by_head.setdefault(rows.head, []).append(rows)

    def metric_names(self) -> list[str]:
        """The metrics that `evaluate` gives."""
        return metric_names(
            {
                head: ([rows.dataset for rows in datasets], list(_Scores(self.vocab, head, datasets).compute()))
                for head, datasets in self.by_head.items()
            }
        )

    def score(self, rows: EncodedRows, predicted: Sequence[Sequence[str]]) -> dict[str, float]:
        """Scores of one dataset's predicted labels, row by row."""
        index = {label: i for i, label in enumerate(rows.labels)}
        flat = np.array([index[label] for row in predicted for label in row], dtype=np.int16)
        return score_dataset(self.vocab, rows, flat)

    def predict(self, model: Model, description: str = "validating") -> dict[str, Predictions]:
        """What the model says of every dataset."""
        return {
            rows.dataset: predict_rows(model, rows, head, self.batch_size, f"{description} {rows.dataset}")
            for head, datasets in self.by_head.items()
            for rows in datasets
        }

    def metrics(self, predictions: Mapping[str, Predictions]) -> dict[str, float]:
        """Metrics of every dataset's predictions, named `<head>_<key>`, and `<head>_<dataset>_<key>` where datasets
        share a head; `loss` is the sum of the heads' losses."""
        metrics: dict[str, float] = {}
        for head, datasets in self.by_head.items():
            together = _Scores(self.vocab, head, datasets)
            for rows in datasets:
                predicted = predictions[rows.dataset].tags
                together.add(rows, predicted)
                if len(datasets) > 1:
                    own = score_dataset(self.vocab, rows, predicted)
                    metrics.update({f"{head}_{rows.dataset}_{key}": value for key, value in own.items()})
            metrics.update({f"{head}_{key}": value for key, value in together.compute().items()})
            nll = [nll for rows in datasets if (nll := predictions[rows.dataset].nll) is not None]
            metrics[f"{head}_loss"] = float(np.concatenate(nll).mean()) if nll else 0.0
        metrics["loss"] = sum(metrics[f"{head}_loss"] for head in self.by_head)
        return metrics

    def evaluate(self, model: Model, description: str = "validating") -> dict[str, float]:
        """The metrics of what the model says."""
        return self.metrics(self.predict(model, description))
