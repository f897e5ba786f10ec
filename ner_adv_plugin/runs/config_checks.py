"""Checks of a whole config: what its parts say of one another, before any data is read or any encoder loaded."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError, nearest, nearest_file
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.data.dataset_names import check_dataset
from ner_adv_plugin.data.reading import MultiTaskDatasetReader
from ner_adv_plugin.data.reading.held_out import held_out_reader_of
from ner_adv_plugin.data.reading.multitask import as_multitask
from ner_adv_plugin.data.vocabulary import DatasetSpace, agreed_task, dataset_spaces, heads_of
from ner_adv_plugin.inference.evaluator import metric_names, score_names
from ner_adv_plugin.training.accelerator import precision_of
from ner_adv_plugin.training.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.metric_tracker import MetricTracker
from ner_adv_plugin.training.optimization.parameter_groups import check_patterns
from ner_adv_plugin.training.steps.step import TrainingStep

if TYPE_CHECKING:
    from ner_adv_plugin.runs.audit_job import AuditJob
    from ner_adv_plugin.runs.train_job import TrainJob

# The metric of a run without validation data.
DEFAULT_METRIC = "-loss"


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


def check_job(job: "TrainJob", config: Mapping[str, Any]) -> None:
    """Check what the parts of a config say of one another.

    # Parameters

    job : the parts, each checked by itself.
    config : the config that they were made from.

    Raises `ConfigurationError` where paths and readers, datasets and heads, heads and towers, or validation data and
    metric do not fit.
    """
    read = sources(job, config)
    for name in read.reader.readers:
        if name not in read.paths["train"]:
            raise ConfigurationError("missing path: its reader would read nothing", f"train_data_path.{name}")
    spaces = dataset_spaces(read.reader.readers)
    tasks = {head: agreed_task(head, spaces) for head in heads_of(spaces)}
    job.data_loader.check_datasets(list(spaces))
    if hasattr(job.model.target, "check_config"):
        lone = job.dataset_reader is not read.reader
        job.model.target.check_config(_fed(spaces, lone), job.model.filled)
    trainer = job.trainer.filled
    check_patterns(trainer.get("no_grad") or [], "trainer.no_grad")
    _check_step(trainer)
    _check_instance_weighting(trainer.get("instance_weighting") or {}, spaces)
    if "validation_metric" in trainer:
        scored = {name: space for name, space in spaces.items() if name in read.paths.get("validation", ())}
        _check_metric(trainer, foreseen_metrics(scored, tasks), bool(heads_of(scored)))


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


def _check_instance_weighting(settings: Mapping[str, Any], spaces: Mapping[str, DatasetSpace]) -> None:
    for name, own in settings.items():
        check_dataset(name, spaces, f"trainer.instance_weighting.{name}")
        weighting: InstanceWeighting = construct(InstanceWeighting, own, f"trainer.instance_weighting.{name}")
        weighting.check(name, spaces)


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


def _fed(spaces: Mapping[str, DatasetSpace], lone: bool) -> dict[str, str]:
    """The heads that datasets feed, and where the first of them names it."""
    places: dict[str, str] = {}
    for name, space in spaces.items():
        if space.head is not None:
            place = "dataset_reader.head" if lone else f"dataset_reader.readers.{name}.head"
            places.setdefault(space.head, place)
    return places


def _score_names(task: str) -> list[str]:
    return score_names(True) if task == "segmentation" else [*score_names(False), "f1_<TYPE>"]


def _check_step(trainer: Mapping[str, Any]) -> None:
    """`ConfigurationError` where the step does not take losses scaled for fp16, and the precision is that."""
    if trainer.get("step") is None or getattr(bind(TrainingStep, trainer["step"]).target, "scales", True):
        return
    use_amp = trainer.get("use_amp", False)
    if precision_of(trainer.get("precision", "fp32"), use_amp, trainer.get("cuda_device")) == "fp16":
        key = "use_amp" if use_amp else "precision"
        raise ConfigurationError(
            f'"fp16" scales losses, which step "{trainer["step"]["type"]}" does not take: precision "bf16" does not',
            f"trainer.{key}",
        )


def _check_metric(trainer: Mapping[str, Any], known: Collection[str], validates: bool) -> None:
    """The validation metric and what follows it, against the metrics there will be."""
    metric, patience = trainer["validation_metric"], trainer.get("patience")
    construct(MetricTracker, {"metric": metric, "patience": patience}, "trainer")
    schedule = trainer.get("learning_rate_scheduler") or {}
    waits = schedule.get("type") == "reduce_on_plateau"
    if not validates:
        asked = {"patience": patience, "validation_metric": None if metric == DEFAULT_METRIC else metric}
        asked["learning_rate_scheduler.type"] = schedule["type"] if waits else None
        for key, value in asked.items():
            if value is not None:
                raise ConfigurationError(
                    f"found {value!r}, but there is no labelled validation data: give validation_data_path, or leave"
                    " this out",
                    f"trainer.{key}",
                )
        return
    name = metric[1:]
    by_type = (key.removesuffix("<TYPE>") for key in known if key.endswith("<TYPE>"))
    if name not in known and not any(name.startswith(key) and name != key for key in by_type):
        raise ConfigurationError(
            f'no metric "{name}".{nearest(name, known)} Known: {", ".join(known)}.', "trainer.validation_metric"
        )
    better = "max" if metric[0] == "+" else "min"
    if waits and schedule.get("mode", better) != better:
        raise ConfigurationError(
            f'"{schedule["mode"]}" does not fit validation_metric "{metric}": expected "{better}"',
            "trainer.learning_rate_scheduler.mode",
        )
