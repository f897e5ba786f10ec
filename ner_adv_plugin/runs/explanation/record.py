"""The files of a run's folder, read without its model, its corpora or torch."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.run_folders import CONFIG, PLANNED, is_run, not_a_run
from ner_adv_plugin.common.stages import config_of_model, has_stages, stages_of
from ner_adv_plugin.runs.explanation.log import read_log

# Files of a run's folder, see docs/reference/files.md.
METRICS, LOG = "metrics.json", "out.log"
EPOCHS = re.compile(r"metrics_epoch_(\d+)\.json")
# Of a run of a study; while it trains, all files above but the log are in the folder `training`.
RESULT, FAILURE, TRAINING = "result.json", "failed.json", "training"
# States of a run.
FINISHED, INTERRUPTED, FAILED, OPEN = "finished", "interrupted", "failed", "open"


@dataclass(frozen=True)
class RunRecord:
    """What the folder of a run, or of one of its stages, holds.

    # Parameters

    folder : the folder.
    state : "finished", "interrupted" (by Ctrl-C or SIGTERM), "failed" (a run of a study), or "open"
        (still running, or killed).
    config : the config by which its model is built.
    metrics : `metrics.json`, or the metrics of the last epoch; empty before the first has ended.
    epochs : the metrics of every epoch, in order.
    datasets : `vocabulary/datasets.json`; without it, the names alone, as of a run of a study.
    vocabulary : the folder of the vocabulary.
    warnings : messages of the log and how often each is in it.
    failure : the last lines of the log of a failed run.
    planned : `run.json` of a run of a study.
    stages : the earlier stages by name.
    """

    folder: Path
    state: str
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    epochs: list[dict[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]
    vocabulary: Path
    warnings: Mapping[str, int] = field(default_factory=dict)
    failure: list[str] = field(default_factory=list)
    planned: Mapping[str, Any] | None = None
    stages: "Mapping[str, RunRecord]" = field(default_factory=dict)

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return int(self.metrics.get("training_epochs", 0))

    @property
    def trainer(self) -> Mapping[str, Any]:
        """The settings of the trainer."""
        return _object(self.config.get("trainer"))

    @property
    def model(self) -> Mapping[str, Any]:
        """The settings of the model."""
        return _object(self.config.get("model"))

    @property
    def validation_metric(self) -> str:
        """The metric that chooses the best epoch, without its sign."""
        return str(self.trainer.get("validation_metric", "-loss"))[1:]

    @property
    def target(self) -> str | None:
        """The task whose score chooses the best epoch; None if no task's does."""
        names = [name for name in self.tasks if self.validation_metric.startswith(f"{name}_")]
        return max(names, key=len, default=None)

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order of the datasets."""
        heads = [own.get("head") for own in self.datasets.values()]
        return list(dict.fromkeys(head for head in heads if head is not None))

    def curve(self, key: str) -> list[float]:
        """Return a metric of every epoch that has it."""
        return [epoch[key] for epoch in self.epochs if isinstance(epoch.get(key), int | float)]


def read_run(folder: Path) -> RunRecord:
    """Read the folder of a run of `allennlp train`, or of a run of a study.

    # Parameters

    folder : the folder; a run need not be finished.

    # Raises

    UserError : if it is not the folder of a run, or if a file of it is damaged.
    """
    planned = _json(folder / PLANNED) if (folder / PLANNED).is_file() else None
    files = folder
    if planned is not None and not (folder / CONFIG).is_file():
        files = folder / TRAINING
    if planned is None and not is_run(folder):
        raise not_a_run(folder)

    whole = _json(files / CONFIG) if (files / CONFIG).is_file() else (planned or {})["config"]
    record = _read(folder, files, config_of_model(whole), planned)
    if not has_stages(whole):
        return record
    earlier = {
        stage.name: _read(own, own, stage.config, None)
        for stage in stages_of(whole)[:-1]
        if (own := files / "stages" / stage.name).is_dir()
    }
    return RunRecord(**{**vars(record), "stages": earlier})


def _read(
    folder: Path, files: Path, config: Mapping[str, Any], planned: Mapping[str, Any] | None
) -> RunRecord:
    """Read a run or a stage.

    # Parameters

    folder, files : its folder, and the folder that has its metrics.
    config : its config.
    planned : see `RunRecord`.
    """
    epochs = _epochs(files)
    final = _json(files / METRICS) if (files / METRICS).is_file() else {}
    # Written by an earlier interruption: the run has been resumed since.
    is_stale = bool(final.get("interrupted")) and final.get("training_epochs", 0) < len(epochs)
    state, last = OPEN, epochs[-1] if epochs else {}
    metrics = last
    if final and not is_stale:
        state = INTERRUPTED if final.get("interrupted") else FINISHED
        metrics = {**last, **final}

    failure: list[str] = []
    if planned is not None:
        if (folder / FAILURE).is_file():
            state, failure = FAILED, list(_json(folder / FAILURE).get("log", []))
        elif not (folder / RESULT).is_file():
            state = OPEN

    return RunRecord(
        folder,
        state,
        config,
        metrics,
        epochs,
        _datasets(files / "vocabulary" / "datasets.json", config, metrics),
        files / "vocabulary",
        read_log(folder / LOG),
        failure,
        planned,
    )


def _epochs(folder: Path) -> list[dict[str, Any]]:
    """Read the metrics of all epochs, in order."""
    found = {
        int(match[1]): path
        for path in folder.glob("metrics_epoch_*.json")
        if (match := EPOCHS.fullmatch(path.name))
    }
    return [_json(found[number]) for number in sorted(found)]


def _datasets(
    path: Path, config: Mapping[str, Any], metrics: Mapping[str, Any]
) -> Mapping[str, Mapping[str, Any]]:
    """Return what is known of the datasets, by name."""
    if path.is_file():
        return _json(path)
    readers = _object(_object(config.get("dataset_reader")).get("readers"))
    names = [
        match[1] for key in metrics if (match := re.fullmatch(r"total_(.+)_sentences", key))
    ] or list(readers)
    return {name: {"head": name, **_known(_object(readers.get(name)))} for name in names}


def _known(reader: Mapping[str, Any]) -> dict[str, Any]:
    return {key: reader[key] for key in ("head", "domain", "task") if key in reader}


def _object(value: Any) -> Mapping[str, Any]:
    """Return a setting that is an object; one without further settings may be a string."""
    if isinstance(value, str):
        return {"type": value}
    return value if isinstance(value, Mapping) else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} is not a JSON object")
    return value
