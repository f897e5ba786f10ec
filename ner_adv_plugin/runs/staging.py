"""Stages of a run: their folders, what a resumed run may change, and the weights that they pass on.

The last stage has the folder of the run, an earlier one has `stages/<name>` in it.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives.writing import ARCHIVE, BEST, CONFIG
from ner_adv_plugin.common.errors import ConfigurationError, UserError, below
from ner_adv_plugin.common.processes import on_main
from ner_adv_plugin.common.stages import NAME, STAGES, WEIGHTS, Stage
from ner_adv_plugin.common.wording import shown
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.weights import read_weights
from ner_adv_plugin.runs.initialising import Report, WeightsSource, take
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.resuming import check_changes, describe
from ner_adv_plugin.training.checkpoints.checkpointer import Checkpointer
from ner_adv_plugin.training.trainer import Trainer

logger = logging.getLogger(__name__)
METRICS = "metrics.json"
# Parts of a model that need not be the same in all stages.
OF_A_STAGE = ("objectives.", "loss_weighting.")


def folder_of(job: TrainJob, folder: Path) -> Path:
    """Return the folder of a stage.

    # Parameters

    job : of the stage.
    folder : of the run.
    """
    assert job.stages_of_run is not None
    index = len(job.earlier)
    is_last = job is job.stages_of_run.jobs[-1]
    return folder if is_last else folder / STAGES / job.stages_of_run.names[index]


def prepare_stages(last: TrainJob, folder: Path, recover: bool) -> None:
    """Describe all stages in their folders or, if the run is resumed, check that they are the same.

    # Parameters

    last : the job of the last stage.
    folder : of the run.
    recover : resume the run in the folder, if there is one.

    # Raises

    ConfigurationError : for a change that a resumed run may not make.
    """
    if recover and (folder / CONFIG).is_file():
        _check_names(last, folder)
        for index, job in enumerate([*last.earlier, last]):
            own = folder_of(job, folder)
            if (own / CONFIG).is_file():
                with below(f"{STAGES}.{index}"):
                    changes = check_changes(job, own)
                    if changes and job is not last and is_finished(own):
                        raise ConfigurationError(
                            "--recover: this stage is finished, and later ones start with its"
                            " weights: it can no longer change",
                            next(iter(changes)),
                        )
    for job in [*last.earlier, last]:
        own = folder_of(job, folder)
        own.mkdir(parents=True, exist_ok=True)
        describe(job, own)


def is_finished(folder: Path) -> bool:
    """Return whether the stage of a folder is trained, and archived after that."""
    path, archive = folder / METRICS, folder / ARCHIVE
    if not path.is_file() or not (folder / BEST).is_file() or not archive.is_file():
        return False
    if archive.stat().st_mtime_ns < path.stat().st_mtime_ns:
        return False
    return not json.loads(path.read_text("utf-8")).get("interrupted")


def metrics_of_earlier(last: TrainJob, folder: Path) -> dict[str, Any]:
    """Return the metrics of all stages before the last one, as `stage_<name>_<metric>`."""
    assert last.stages_of_run is not None
    found: dict[str, Any] = {}
    for name, job in zip(last.stages_of_run.names, last.earlier, strict=False):
        own = json.loads((folder_of(job, folder) / METRICS).read_text("utf-8"))
        found |= {f"stage_{name}_{key}": value for key, value in own.items()}
    return found


def start_with_weights(model: Model, job: TrainJob, folder: Path) -> None:
    """Set the weights of a model to those of the stage before.

    Parameters of objectives, of the loss weighting and of heads that no stage has trained so far
    may be missing there. Heads have the temperatures of the stage before, for a teacher that is the
    model itself, until `forget_temperatures` is called.

    # Parameters

    model : the model.
    job : of the stage that begins.
    folder : of the run.

    # Raises

    ConfigurationError : if another parameter is missing, or has another shape.
    """
    assert job.stages_of_run is not None
    index = len(job.earlier) - 1
    before, which = job.earlier[-1], job.stages_of_run.weights[index]
    state, source = on_main(lambda: _weights(folder_of(before, folder), which))

    report = Report()
    names = {name: name for name, _ in model.named_parameters()}
    take(model, names, WeightsSource(state, source), report)
    for head in model.vocab.heads:
        temperature = state.get(f"heads.{head}.temperature")
        if temperature is not None:
            model.set_temperature(head, float(temperature))
    heads = {reader.head for reader in job.sources.reader.readers.values()}
    untrained = heads - heads_trained(job.earlier)
    may_differ = (*OF_A_STAGE, *(f"heads.{head}." for head in untrained))
    for name, reason in report.left.items():
        if not name.startswith(may_differ):
            raise ConfigurationError(
                f"the stages train one model, but {name} differs from that of stage"
                f' "{job.stages_of_run.names[index]}": {reason}',
                "model",
            )
    report.log(model)


def forget_temperatures(model: Model) -> None:
    """Set the temperatures of heads to those of a model that is not calibrated."""
    for head in model.vocab.heads:
        model.set_temperature(head, 1.0)


def heads_trained(stages: Iterable[TrainJob]) -> set[str | None]:
    """Return the heads that stages train.

    # Parameters

    stages : their jobs.
    """
    return {
        stage.sources.reader.readers[name].head
        for stage in stages
        for name in stage.sources.paths["train"]
    }


def _weights(folder: Path, which: str) -> tuple[dict[str, Any], str]:
    """Return the best or the last weights of a stage, and the name of their file.

    The last ones are the moving averages, if the stage has them, as the best ones are.
    """
    if which == "best":
        return read_weights(folder / BEST, str(folder / BEST)), str(folder / BEST)
    checkpoint = Checkpointer(keep_most_recent_by_count=None).load_latest(folder / "checkpoints")
    if checkpoint is None:
        raise UserError(f"{folder}: no checkpoint, so its last weights are unknown")
    weights, training = checkpoint
    averages = (training.get("moving_average") or {}).get("averages", {})
    return {**weights, **averages}, f"{folder}/checkpoints"


def _check_names(last: TrainJob, folder: Path) -> None:
    """Check that a resumed run has the stages that it started with."""
    assert last.stages_of_run is not None
    before = json.loads((folder / CONFIG).read_text("utf-8")).get(STAGES) or []
    names = [str(own.get(NAME)) for own in before if isinstance(own, dict)]
    if names != last.stages_of_run.names:
        raise ConfigurationError(
            f"--recover: the run started with the stages {', '.join(names) or 'none'}, but the"
            f" config now has {', '.join(last.stages_of_run.names)}",
            STAGES,
        )
    weights = [own.get(WEIGHTS, Stage.weights) for own in before]
    for index, (old, new) in enumerate(zip(weights, last.stages_of_run.weights, strict=True)):
        if old != new:
            raise ConfigurationError(
                f"--recover: the run started with {shown(old)}, but the config now has"
                f" {shown(new)}: the next stage would start with other weights",
                f"{STAGES}.{index}.{WEIGHTS}",
            )


def begun_stages(folder: Path) -> Iterator[str]:
    """Yield the names of the earlier stages of a run that have results to keep."""
    for own in sorted((folder / STAGES).glob("*")):
        if any(own.glob("metrics*.json")) or any(own.glob("checkpoints/training_state_*.th")):
            yield own.name


def has_begun(trainer: Trainer | None, folder: Path) -> bool:
    """Return whether a run has results to keep.

    # Parameters

    trainer : its trainer; None before it was built.
    folder : the folder of the run.
    """
    is_trained = trainer is not None and trainer.steps_done > 0
    return is_trained or next(begun_stages(folder), None) is not None
