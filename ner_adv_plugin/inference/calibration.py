"""Temperature scaling: scores of entities made as large as they are right, on held-out data.

Shape suffixes: K temperatures, S spans.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.labels.spans import ScoredSpan, SpanTable
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.inference.evaluator import Evaluator, counted
from ner_adv_plugin.models import Model

# From a quarter to eight, in steps of 4 %.
TEMPERATURES = tuple(np.geomspace(0.25, 8.0, 89).tolist())
# Probabilities of 0 and 1 would cost infinitely much if wrong.
LEAST = 1e-6


def calibrated_heads(evaluator: Evaluator) -> list[str]:
    """The heads that find entities, not words, in the data of an evaluator."""
    return [
        head for head in evaluator.by_head if not evaluator.vocab.label_space(head).segmentation
    ]


def calibrate(model: Model, evaluator: Evaluator) -> dict[str, float]:
    """Fit the temperatures of a model's heads and set them.

    # Parameters

    model : its heads find the same spans before and after.
    evaluator : of the validation data.

    # Returns

    `<head>_temperature` of every head that finds entities and predicts any.
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
    """The temperature at which the scores of predicted entities best foretell which of them are right.

    It has the least mean log loss of "this entity is right" under its score (Guo et al. 2017, "On calibration of
    modern neural networks"; there of classes), found on a grid. What is predicted does not depend on it. None if
    nothing is predicted.

    # Parameters

    model : its mode is left as it was.
    head : its name.
    datasets : with gold spans.
    batch_size : sentences encoded together at most.

    Raises `UserError` if the head has no temperature.
    """
    scores_KS, correct_S = [np.zeros((len(TEMPERATURES), 0))], [np.zeros(0, dtype=bool)]
    for dataset in datasets:
        own_scores_KS, own_correct_S = _scored(model, head, dataset, batch_size)
        scores_KS.append(own_scores_KS)
        correct_S.append(own_correct_S)

    everything_KS, right_S = np.concatenate(scores_KS, axis=1), np.concatenate(correct_S)
    if not len(right_S):
        return None
    clipped_KS = np.clip(everything_KS, LEAST, 1 - LEAST)
    loss_K = -np.where(right_S, np.log(clipped_KS), np.log1p(-clipped_KS)).mean(axis=1)
    return float(TEMPERATURES[int(loss_K.argmin())])


def _scored(
    model: Model, head: str, dataset: EncodedDataset, batch_size: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores of predicted entities at all temperatures, (K, S), and whether each is right, (S,)."""
    assert dataset.spans is not None

    def ask(batch: Batch) -> tuple[list[list[ScoredSpan]], NDArray[np.float64]]:
        return model.span_probabilities(batch.unlabelled(), head, TEMPERATURES)

    found: dict[int, tuple[list[ScoredSpan], NDArray[np.float64]]] = {}
    for batch, (spans, scores_KS) in infer(
        model, dataset, ask, batch_size, f"calibrating {dataset.dataset}"
    ):
        ends = np.cumsum([len(own) for own in spans])
        parts = np.split(scores_KS, ends[:-1], axis=1)
        found.update(zip(batch.sentence_ids, zip(spans, parts, strict=True), strict=True))

    everything = {key: value for part in gather(found) for key, value in part.items()}
    nothing: tuple[list[ScoredSpan], NDArray[np.float64]] = ([], np.zeros((len(TEMPERATURES), 0)))
    in_order = [everything.get(sentence, nothing) for sentence in range(len(dataset))]
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
