"""Temperature scaling: calibration of entity scores on held-out data.

Shape suffixes: K temperatures, S predicted entities.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.inference.metrics import counted
from ner_adv_plugin.models import Model

# From 0.25 to 8 in steps of 4 %.
TEMPERATURES = tuple(np.geomspace(0.25, 8.0, 89).tolist())
# Probabilities are clipped, as a wrong 0 or 1 would have infinite log loss.
LEAST = 1e-6


def calibrated_heads(evaluator: Evaluator) -> list[str]:
    """Return the heads in the data of an evaluator that predict entities, not words."""
    return [head for head in evaluator.by_head if evaluator.vocab.label_space(head).task == "ner"]


def calibrate(model: Model, evaluator: Evaluator) -> dict[str, float]:
    """Fit the temperatures of the heads of a model and set them.

    # Parameters

    model : the model; its predicted spans do not change.
    evaluator : evaluator of the validation data.

    # Returns

    `<head>_temperature` of every head for entities that predicts any.

    # Raises

    UserError : if such a head has no temperature.
    """
    fitted = {}
    for head in calibrated_heads(evaluator):
        temperature = fit_temperature(model, head, evaluator.by_head[head], evaluator.batch_size)
        if temperature is not None:
            model.set_temperature(head, temperature)
            fitted[f"{head}_temperature"] = temperature
    return fitted


def fit_temperature(
    model: Model, head: str, datasets: Sequence[EncodedDataset], batch_size: int = 64
) -> float | None:
    """Find the temperature at which the scores of predicted entities are best calibrated.

    It minimises the mean log loss of "this entity is correct" under its score over a grid of
    temperatures. The predicted entities do not depend on it. The mode of the model is restored.

    Source: Guo et al. 2017, "On calibration of modern neural networks", there for classes.

    # Parameters

    model : the model.
    head : name of the head.
    datasets : datasets with gold spans.
    batch_size : maximum number of sentences in a batch.

    # Returns

    The temperature, or None if no entity is predicted.

    # Raises

    UserError : if the head has no temperature.
    """
    scores = [np.zeros((len(TEMPERATURES), 0))]
    correct = [np.zeros(0, dtype=bool)]
    for dataset in datasets:
        own_scores_KS, own_correct_S = _scored(model, head, dataset, batch_size)
        scores.append(own_scores_KS)
        correct.append(own_correct_S)

    scores_KS = np.concatenate(scores, axis=1)
    correct_S = np.concatenate(correct)
    if not len(correct_S):
        return None

    clipped_KS = np.clip(scores_KS, LEAST, 1 - LEAST)
    loss_K = -np.where(correct_S, np.log(clipped_KS), np.log1p(-clipped_KS)).mean(axis=1)
    return float(TEMPERATURES[int(loss_K.argmin())])


def _scored(
    model: Model, head: str, dataset: EncodedDataset, batch_size: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Compute scores of predicted entities, (K, S), and whether each is correct, (S,)."""
    assert dataset.spans is not None

    def ask(batch: Batch) -> tuple[list[list[ScoredSpan]], NDArray[np.float64]]:
        return model.span_probabilities(batch.unlabelled(), head, TEMPERATURES)

    found: dict[int, tuple[list[ScoredSpan], NDArray[np.float64]]] = {}
    for batch, (spans, scores_KS) in infer(
        model, dataset, ask, batch_size, f"calibrating {dataset.dataset}"
    ):
        ends = np.cumsum([len(own) for own in spans])
        scores_by_sentence = np.split(scores_KS, ends[:-1], axis=1)
        pairs = zip(spans, scores_by_sentence, strict=True)
        found.update(zip(batch.sentence_ids, pairs, strict=True))

    by_sentence = {key: value for share in gather(found) for key, value in share.items()}
    nothing: tuple[list[ScoredSpan], NDArray[np.float64]] = ([], np.zeros((len(TEMPERATURES), 0)))
    in_order = [by_sentence.get(sentence, nothing) for sentence in range(len(dataset))]
    space = model.vocab.label_space(head)
    predicted = SpanTable.of([spans for spans, _ in in_order], space.types)
    scores_KS = np.concatenate([scores for _, scores in in_order], axis=1)

    marked = space.annotated_types.get(dataset.dataset, space.types)
    counts_S = np.array(
        [predicted.types[i] in marked for i in predicted.types_S.tolist()], dtype=bool
    )
    return scores_KS[:, counts_S], counted(space, dataset.dataset, predicted).found_in(
        dataset.spans
    )
