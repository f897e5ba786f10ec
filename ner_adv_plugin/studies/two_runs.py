"""Predictions and training data of a run, for the error analysis of two runs without a study."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.archives.writing import CONFIG
from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.common.stages import config_of_model
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import RunData, read_data
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.errors import ErrorAnalysis, TrainingSide, analyse
from ner_adv_plugin.studies.predicting import predict_target
from ner_adv_plugin.studies.predictions import (
    SPLITS,
    RunPredictions,
    predictions_file,
    read_predictions,
)
from ner_adv_plugin.studies.training_side import entities_of, source_bigrams
from ner_adv_plugin.studies.worker import RUN


@dataclass(frozen=True)
class AnalysedRun:
    """A run whose errors are compared.

    # Parameters

    target : the dataset that is scored.
    predictions : of the split that is scored.
    data : what its config reads; None if the files are no longer there.
    """

    target: str
    predictions: RunPredictions
    data: RunData | None


def compare_runs(
    a: Path, b: Path, split: str | None = None, dataset: str | None = None
) -> ErrorAnalysis:
    """Compare the errors of two runs.

    # Parameters

    a, b : each the folder of a study's run, or an archive or folder of `allennlp train`, which
        predicts the data of its config.
    split : "validation" or "test"; by default test if both runs have it.
    dataset : what is scored; by default a study's target, or the dataset of the head that
        `trainer.validation_metric` names.

    # Raises

    `UserError` if a run has no such split or dataset, or if they do not score the same sentences.
    """
    if split is None:
        both = [one for one in SPLITS if one in _splits(a) and one in _splits(b)]
        if not both:
            raise UserError(f"{a} and {b} have neither a test nor a validation set in common")
        split = both[0]
    first, second = load_run(a, split, dataset), load_run(b, split, dataset)
    return analyse([first.predictions], [second.predictions], _training_side([first, second]))


def load_run(path: Path, split: str, dataset: str | None = None) -> AnalysedRun:
    """Read the predictions of a study's run, or let the model of another run predict.

    # Parameters

    path, split, dataset : see `compare_runs`.
    """
    if split not in _splits(path):
        raise UserError(f"{path} has no {split} set; it has: {', '.join(_splits(path))}")
    if (path / RUN).is_file():
        return _of_study(path, split, dataset)

    archive = load_archive(path, only_datasets=[dataset] if dataset else ())
    job = checked_job(archive.config)
    data = read_data(job)
    target = dataset or _default_target(job, data, split, archive.default_head)
    if target not in data.splits[split]:
        known = data.splits[split]
        raise UserError(f'{path} has no {split} set of "{target}".{nearest(target, known)}')
    return AnalysedRun(target, predict_target(job, archive.model, data, target, split), data)


def _of_study(path: Path, split: str, dataset: str | None) -> AnalysedRun:
    run = json.loads((path / RUN).read_text("utf-8"))
    if dataset not in (None, run["target"]):
        raise UserError(f'{path} keeps predictions of "{run["target"]}" only')
    predictions = read_predictions(predictions_file(path, split))
    try:
        data = read_data(checked_job(run["config"]))
    except (UserError, OSError):
        # The corpora may have moved since; the predictions are all that is needed.
        data = None
    return AnalysedRun(run["target"], predictions, data)


def _splits(path: Path) -> list[str]:
    """Return the splits that a run can be scored on."""
    if (path / RUN).is_file():
        return [one for one in SPLITS if predictions_file(path, one).is_file()]
    config = _config(path)
    return [one for one in SPLITS if config.get(f"{one}_data_path")]


def _config(path: Path) -> dict[str, Any]:
    """Return the config of an archive or folder of `allennlp train`."""
    with opened(path) as folder:
        try:
            found: dict[str, Any] = json.loads((folder / CONFIG).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path} is no run: {error}") from error
    return config_of_model(found)


def _default_target(job: TrainJob, data: RunData, split: str, head: str) -> str:
    """Return the first dataset of a head that has sentences of a split."""
    for name, reader in job.sources.reader.readers.items():
        if reader.head == head and name in data.splits[split]:
            return name
    raise UserError(f'no dataset of head "{head}" has a {split} set: choose one with --dataset')


def _training_side(runs: Sequence[AnalysedRun]) -> TrainingSide | None:
    """Return what both runs were trained on; an entity is seen if both have seen it."""
    data = [run.data for run in runs if run.data is not None]
    if len(data) < len(runs):
        return None
    seen = frozenset.intersection(
        *(entities_of(one.splits["train"][runs[0].target]) for one in data)
    )
    return TrainingSide([seen], source_bigrams(data, runs[0].target))
