"""Checks of a whole config, before any data is read or any encoder loaded.

Components check themselves; what belongs to none of them stands here.
"""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.common.processes import launched_processes
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.data.vocabulary import DatasetSpace, agreed_task, dataset_spaces, heads_of
from ner_adv_plugin.inference.evaluator import metric_names, score_names
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.sources import sources_of
from ner_adv_plugin.training.accelerator import precision_of


def checked_job(config: Mapping[str, Any]) -> TrainJob:
    """Check a whole config and build what it describes, short of what needs the data.

    Raises `ConfigurationError` with the path of what is wrong.
    """
    bound = bind(TrainJob, config, "")
    job: TrainJob = bound.build({})
    job.config, job.filled = config, bound.filled
    job.sources = sources_of(job, config)
    for name in job.sources.reader.readers:
        if name not in job.sources.paths["train"]:
            raise ConfigurationError(
                "missing path: its reader would read nothing", f"train_data_path.{name}"
            )

    check_parts(bound, _planned_run(job))
    return job


def foreseen_metrics(scored: Mapping[str, DatasetSpace], tasks: Mapping[str, str]) -> list[str]:
    """The metrics that validation gives; those of entity types, which the data name, end in `f1_<TYPE>`.

    # Parameters

    scored : the validation sets.
    tasks : for every head the task of its datasets.
    """
    return metric_names(
        {
            head: (
                [name for name, space in scored.items() if space.head == head],
                _score_names(tasks[head]),
            )
            for head in heads_of(scored)
        }
    )


def _planned_run(job: TrainJob) -> PlannedRun:
    """What the config tells of the run."""
    read, filled = job.sources, job.filled
    datasets = dataset_spaces(read.reader.readers)
    tasks = {head: agreed_task(head, datasets) for head in heads_of(datasets)}
    scored = {name: datasets[name] for name in datasets if name in read.paths.get("validation", ())}
    launched, trainer = launched_processes(), filled["trainer"]
    with below("trainer"):
        precision = precision_of(
            trainer.get("precision", "fp32"),
            trainer.get("use_amp", False),
            trainer.get("cuda_device"),
        )

    return PlannedRun(
        config=filled,
        datasets=datasets,
        heads=_head_places(datasets, lone=job.dataset_reader is not read.reader),
        validated=[name for name, space in scored.items() if space.head is not None],
        metrics=foreseen_metrics(scored, tasks),
        precision=precision,
        processes=launched if job.distributed is None else max(launched, job.distributed.processes),
    )


def _head_places(datasets: Mapping[str, DatasetSpace], lone: bool) -> dict[str, str]:
    """The heads of the datasets, and where the first dataset of each names it.

    # Parameters

    lone : the config has one reader by itself, not several by name.
    """
    places: dict[str, str] = {}
    for name, space in datasets.items():
        if space.head is not None:
            place = "dataset_reader.head" if lone else f"dataset_reader.readers.{name}.head"
            places.setdefault(space.head, place)
    return places


def _score_names(task: str) -> list[str]:
    return score_names(True) if task == "segmentation" else [*score_names(False), "f1_<TYPE>"]
