"""Trains one run of a study, scores it, and keeps what the study needs of it.

Started by an executor as `allennlp study-run FOLDER`. The folder holds
`run.json` from the start and `result.json` at the end; in between it may be killed at any moment,
and resumes from its last checkpoint when it is started again.
"""

import fcntl
import json
import logging
import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.progress import make_file_friendly
from ner_adv_plugin.common.signals import interrupt_on_terminate
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.shared_stages import SharedStages
from ner_adv_plugin.runs.spent import Clock
from ner_adv_plugin.runs.train_job import open_run
from ner_adv_plugin.studies.predicting import predict_target
from ner_adv_plugin.studies.predictions import SPLITS, predictions_file, write_predictions
from ner_adv_plugin.studies.statistics import defined, f1_of, precision_of, recall_of
from ner_adv_plugin.training.trainer import Trainer

logger = logging.getLogger(__name__)
RUN, RESULT, TRAINING = "run.json", "result.json", "training"
# In the folder of a study: stages that several of its runs start with.
STAGES = "stages"
# Seconds between notes of the cost, and looks at whether the study that started this is there.
WATCH = 5.0


def run(folder: Path) -> None:
    """Train the run of a folder in this process, alone; return at once if it is done.

    # Parameters

    folder : of the run.
    """
    clock = Clock(folder)
    _watch(clock)
    make_file_friendly(True)
    with _alone(folder) as is_done, interrupt_on_terminate():
        if not is_done:
            train(folder, clock)


def train(folder: Path, clock: Clock | None = None) -> None:
    """Train, score validation and test set of the target, and write `result.json`.

    A run without a target is only trained, such as the trial of a tuning: its scores are those of
    its epochs, and its test set is not scored.

    # Parameters

    folder : of the run.
    clock : what the run has cost so far; one of this call by default.
    """
    clock = clock or Clock(folder)
    planned = json.loads((folder / RUN).read_text("utf-8"))
    training = folder / TRAINING
    training.mkdir(exist_ok=True)
    job = checked_job(planned["config"])
    shared = SharedStages(folder.parent.parent / STAGES, clock)
    with open_run(job, training, recover=True, shared=shared) as trainer:
        trainer.train()

    spent = clock.spent()
    result = {
        "steps": trainer.steps_done,
        "epochs": trainer.epoch,
        "training_seconds": trainer.seconds,
        "seconds": spent.seconds,
        "cpu_seconds": spent.cpu_seconds,
        "peak_memory_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "best_epoch": trainer.metrics.get("best_epoch"),
        "metrics": trainer.metrics,
    }
    if (target := planned.get("target")) is not None:
        result |= {
            "target_sentences": len(trainer.data_loader.sentences()[target]),
            "target_sentences_seen": trainer.data_loader.drawn().get(target),
            "scores": _score(target, job, trainer, training, folder),
        }
    _keep(planned, training, folder)
    # Written last: a run with this file is done.
    write_json(folder / RESULT, result)


def _score(
    target: str, job: Any, trainer: Trainer, training: Path, folder: Path
) -> dict[str, dict[str, float | None]]:
    """Score the best weights on the target's validation and test set, and write predictions."""
    trainer.model.load_weights(
        torch.load(training / "best.th", map_location="cpu", weights_only=True)
    )
    data = read_data(job)
    scores: dict[str, dict[str, float | None]] = {}
    for split in SPLITS:
        if target not in data.splits.get(split, {}):
            continue
        predictions = predict_target(job, trainer.model, data, target, split)
        write_predictions(predictions_file(folder, split), predictions)
        counts = predictions.counts().sum(axis=0)
        scores[split] = {
            "precision": defined(precision_of(counts)),
            "recall": defined(recall_of(counts)),
            "f1": defined(f1_of(counts)),
        }
    return scores


def _keep(planned: dict[str, Any], training: Path, folder: Path) -> None:
    """Keep the config, the metrics and, if asked for, the archive; delete all else."""
    for name in ("config.json", "metrics.json"):
        shutil.copy(training / name, folder / name)
    for file in training.glob("metrics_epoch_*.json"):
        shutil.copy(file, folder / file.name)
    if planned["keep_models"]:
        shutil.copy(training / "model.tar.gz", folder / "model.tar.gz")
    shutil.rmtree(training)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock, and tell whether its run is done.

    A study that was killed may have left a worker behind.
    """
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield (folder / RESULT).is_file()


def _watch(clock: Clock) -> None:
    """Note the cost now and then, and stop soon after the process that started this one is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH)
            clock.note()
        logger.warning("the study that started this run is gone: stopping")
        os._exit(143)

    threading.Thread(target=watch, daemon=True).start()
