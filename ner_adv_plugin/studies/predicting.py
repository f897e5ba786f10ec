"""Predictions of a trained model for the data of its config."""

from ner_adv_plugin.data.labels.answers import scored_spans
from ner_adv_plugin.inference.metrics import counted
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.data import RunData, evaluator_of
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.predictions import PredictedSentence, RunPredictions


def predict_target(
    job: TrainJob, model: Model, data: RunData, target: str, split: str
) -> RunPredictions:
    """Predict the entities of a dataset by the head that it belongs to.

    # Parameters

    job : the run's checked config.
    model : with the weights to be scored.
    data : what the config reads.
    target : the dataset.
    split : "validation" or "test".
    """
    evaluator = evaluator_of(job, model, data, split)
    ((head, dataset),) = [
        (head, own)
        for head, datasets in evaluator.by_head.items()
        for own in datasets
        if own.dataset == target
    ]
    predicted = evaluator.predict(model, split, scored=True)[target].spans
    predicted = counted(model.vocab.label_space(head), target, predicted)

    assert dataset.spans is not None
    return RunPredictions(
        [
            PredictedSentence(
                text,
                frozenset((span.start, span.end, span.type) for span in gold or ()),
                {(span.start, span.end, span.type): span.score for span in found},
            )
            for text, gold, found in zip(
                dataset.texts(), dataset.spans, scored_spans(predicted), strict=True
            )
        ]
    )
