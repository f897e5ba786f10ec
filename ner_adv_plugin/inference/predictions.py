"""Predictions of one head for a whole dataset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics, as_numbers, summed


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
