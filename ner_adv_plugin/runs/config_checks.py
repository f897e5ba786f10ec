"""Checks of a whole config, before any data is read or any encoder loaded.

Components check themselves; what belongs to none of them stands here: readers, paths, files, folders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.common.errors import ConfigurationError, below, nearest, nearest_file
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.common.processes import launched_processes
from ner_adv_plugin.common.schema import Bound
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.data.reading import MultiTaskDatasetReader
from ner_adv_plugin.data.reading.held_out import held_out_reader_of
from ner_adv_plugin.data.reading.multitask import as_multitask
from ner_adv_plugin.data.vocabulary import DatasetSpace, agreed_task, dataset_spaces, heads_of
from ner_adv_plugin.inference.evaluator import metric_names, score_names
from ner_adv_plugin.training.accelerator import precision_of

if TYPE_CHECKING:
    from ner_adv_plugin.runs.audit_job import AuditJob
    from ner_adv_plugin.runs.train_job import TrainJob


@dataclass(frozen=True)
class Sources:
    """What a run reads, and by what.

    # Parameters

    reader : of the training sets.
    held_out_reader : of validation and test sets.
    paths : for each split that there is the path of each dataset.
    """

    reader: MultiTaskDatasetReader
    held_out_reader: MultiTaskDatasetReader
    paths: Mapping[str, Mapping[str, str]]


def sources(job: "TrainJob | AuditJob", config: Mapping[str, Any]) -> Sources:
    """What a config says is read; `ConfigurationError` where readers and paths do not fit."""
    reader = as_multitask(job.dataset_reader, config["dataset_reader"])
    held_out_reader = held_out_reader_of(job.validation_dataset_reader, reader)
    paths = {}
    for split, of_split in (("train", reader), ("validation", held_out_reader), ("test", held_out_reader)):
        given = getattr(job, f"{split}_data_path")
        if given is not None:
            paths[split] = _by_name(given, of_split, f"{split}_data_path")
    return Sources(reader, held_out_reader, paths)


def check_config(bound: Bound, config: Mapping[str, Any]) -> None:
    """Check what the parts of a config say of one another.

    # Parameters

    bound : the config, bound to `TrainJob`.
    config : the config itself.

    Raises `ConfigurationError` if paths and readers do not fit, or a component refuses its settings.
    """
    job: TrainJob = bound.build({})
    read = sources(job, config)
    for name in read.reader.readers:
        if name not in read.paths["train"]:
            raise ConfigurationError("missing path: its reader would read nothing", f"train_data_path.{name}")

    check_parts(bound, _planned_run(job, read, bound.filled))


def check_files(paths: str | Mapping[str, str] | None, place: str) -> None:
    """`ConfigurationError` where a file is not there.

    # Parameters

    paths : one, or several by name; what a URL leads to is seen when it is read.
    place : where they stand in the config.
    """
    if isinstance(paths, Mapping):
        for name, path in paths.items():
            check_files(path, f"{place}.{name}")
    elif paths is not None and not is_url(paths) and not Path(paths).is_file():
        raise ConfigurationError(f'no such file "{paths}".{nearest_file(Path(paths))}', place)


def check_folders(job: "TrainJob") -> None:
    """`ConfigurationError` where the vocabulary or the encoder is to be read from a folder that is not there."""
    directory = job.vocabulary.filled.get("directory") if job.vocabulary is not None else None
    encoder = job.model.filled.get("encoder")
    name = encoder.get("model_name") if isinstance(encoder, Mapping) else None
    # A name on a hub has one slash at most, and begins with a letter or digit.
    is_path = isinstance(name, str) and (name.startswith((".", "/", "~")) or name.count("/") > 1)
    for path, place in ((directory, "vocabulary.directory"), (name if is_path else None, "model.encoder.model_name")):
        if path is not None and not is_url(path) and not Path(path).exists():
            raise ConfigurationError(f'no such folder "{path}".{nearest_file(Path(path))}', place)


def foreseen_metrics(scored: Mapping[str, DatasetSpace], tasks: Mapping[str, str]) -> list[str]:
    """The metrics that validation gives; those of entity types, which the data name, end in `f1_<TYPE>`.

    # Parameters

    scored : the validation sets.
    tasks : for every head the task of its datasets.
    """
    return metric_names(
        {
            head: ([name for name, space in scored.items() if space.head == head], _score_names(tasks[head]))
            for head in heads_of(scored)
        }
    )


def _by_name(paths: str | dict[str, str], reader: MultiTaskDatasetReader, key: str) -> dict[str, str]:
    if isinstance(paths, dict):
        for name in paths:
            if name not in reader.readers:
                hint, known = nearest(name, reader.readers), ", ".join(reader.readers)
                raise ConfigurationError(f"no reader for this dataset.{hint} Readers: {known}.", f"{key}.{name}")
        return paths
    if len(reader.readers) > 1:
        raise ConfigurationError(f"expected an object of paths, one for each reader, found {paths!r}", key)
    return {next(iter(reader.readers)): paths}


def _planned_run(job: "TrainJob", read: Sources, filled: Mapping[str, Any]) -> PlannedRun:
    """What the config tells of the run."""
    datasets = dataset_spaces(read.reader.readers)
    tasks = {head: agreed_task(head, datasets) for head in heads_of(datasets)}
    scored = {name: datasets[name] for name in datasets if name in read.paths.get("validation", ())}
    launched, trainer = launched_processes(), filled["trainer"]
    with below("trainer"):
        precision = precision_of(
            trainer.get("precision", "fp32"), trainer.get("use_amp", False), trainer.get("cuda_device")
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
