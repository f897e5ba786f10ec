"""Checks of a whole config before any data is read or any encoder is loaded.

Rules about a single component are in its `check` hook.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.checks import check_parts, files_read
from ner_adv_plugin.common.completion import completed
from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.common.processes import launched_processes
from ner_adv_plugin.common.stages import (
    NAME,
    STAGES,
    WEIGHTS,
    Stage,
    config_of_model,
    has_stages,
    stages_of,
)
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.data.label_spaces import DatasetSpace, agreed_task, dataset_spaces, heads_of
from ner_adv_plugin.inference.metrics import metric_names, score_names
from ner_adv_plugin.runs.job import Stages, TrainJob
from ner_adv_plugin.runs.sources import sources_of
from ner_adv_plugin.training.accelerator import precision_of


def checked_job(config: Mapping[str, Any]) -> TrainJob:
    """Check a whole config and build everything that does not depend on the data.

    # Parameters

    config : the config.

    # Returns

    The job, ready to read its data.

    # Raises

    ConfigurationError : with the config path of the first setting that is wrong.

    # Examples

    >>> import ner_adv_plugin.components
    >>> from ner_adv_plugin.common.params import load_config
    >>> job = checked_job(load_config("fixtures/configs/crf_tagger.jsonnet"))
    >>> job.filled["trainer"]["optimizer"]["lr"], job.random_seed
    (0.01, 13370)
    """
    if not has_stages(config):
        return _checked(config_of_model(config))

    stages = stages_of(config)
    jobs = []
    for index, stage in enumerate(stages):
        with below(f"{STAGES}.{index}"):
            jobs.append(_checked(stage.config, staged=True, continues=index > 0))
            _check_last_weights(stage, jobs[-1], is_last=stage is stages[-1])
    _check_agreement(jobs)

    last = jobs[-1]
    last.config = config
    whole = [
        {NAME: stage.name, WEIGHTS: stage.weights, **job.whole}
        for stage, job in zip(stages, jobs, strict=True)
    ]
    for own in whole:
        del own[STAGES]
    last.whole = {STAGES: whole}
    together = Stages(jobs, [stage.name for stage in stages], [stage.weights for stage in stages])
    for job in jobs:
        job.stages_of_run = together
    return last


def _checked(config: Mapping[str, Any], staged: bool = False, continues: bool = False) -> TrainJob:
    """Check the config of a run, or of one of its stages."""
    bound = bind(TrainJob, config, "")
    job: TrainJob = bound.build({})
    job.config, job.filled = config, bound.filled
    job.sources = sources_of(job, config)
    job.files_read = files_read(bound)
    for name in job.sources.reader.readers:
        if name not in job.sources.paths["train"] and not staged:
            raise ConfigurationError(
                "missing path: its reader would read nothing", f"train_data_path.{name}"
            )

    check_parts(bound, _planned_run(job, continues))
    # Defaults may depend on other settings, which are right only now.
    job.whole = completed(bound)
    return job


def _check_last_weights(stage: Stage, job: TrainJob, is_last: bool) -> None:
    """Check that the last weights of a stage are saved, if the next one starts with them."""
    checkpointer = job.filled["trainer"].get("checkpointer") or {}
    saved = not isinstance(checkpointer, Mapping) or checkpointer.get("save_completed_epochs", True)
    if stage.weights == "last" and not is_last and not saved:
        raise ConfigurationError('"last" needs trainer.checkpointer.save_completed_epochs', WEIGHTS)


def _check_agreement(jobs: Sequence[TrainJob]) -> None:
    """Check that all stages have the same heads and domains, and train each dataset once at least.

    # Raises

    ConfigurationError : for the first dataset of which that is not so.
    """
    spaces = [dataset_spaces(job.sources.reader.readers) for job in jobs]
    for index, own in enumerate(spaces):
        for name in dict.fromkeys([*spaces[0], *own]):
            path = f"{STAGES}.{index}.dataset_reader.readers.{name}"
            if (name in own) != (name in spaces[0]):
                raise ConfigurationError(
                    "all stages need the same readers, as they train one model: name readers beside"
                    f' "{STAGES}", and what a stage trains on in its "datasets"',
                    path,
                )
            first, now = spaces[0][name], own[name]
            if (first.head, first.domain, first.task) != (now.head, now.domain, now.task):
                raise ConfigurationError(
                    f"head, domain and task are {now.head}, {now.domain} and {now.task}, but"
                    f" {first.head}, {first.domain} and {first.task} in the first stage",
                    path,
                )
    for name in spaces[0]:
        if not any(name in job.sources.paths["train"] for job in jobs):
            raise ConfigurationError(
                "no stage trains on it: its reader would read nothing",
                f"dataset_reader.readers.{name}",
            )


def foreseen_metrics(scored: Mapping[str, DatasetSpace], tasks: Mapping[str, str]) -> list[str]:
    """Return the names of the validation metrics, as far as they are known before the data is read.

    Metrics of single entity types, which only the data name, end in `f1_<TYPE>`.

    # Parameters

    scored : the datasets with a validation set.
    tasks : the task of the datasets of each head, by head.
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


def _planned_run(job: TrainJob, continues: bool) -> PlannedRun:
    """Collect everything about a run that is known before its data is read."""
    sources = job.sources
    datasets = dataset_spaces(sources.reader.readers)
    tasks = {head: agreed_task(head, datasets) for head in heads_of(datasets)}
    validation_paths = sources.paths.get("validation", ())
    scored = {name: datasets[name] for name in datasets if name in validation_paths}

    launched = launched_processes()
    trainer = job.filled["trainer"]
    with below("trainer"):
        precision = precision_of(
            trainer.get("precision", "fp32"),
            trainer.get("use_amp", False),
            trainer.get("cuda_device"),
        )

    return PlannedRun(
        config=job.filled,
        # A stage may train on some of them.
        datasets={name: datasets[name] for name in datasets if name in sources.paths["train"]},
        heads=_head_paths(datasets, single=job.dataset_reader is not sources.reader),
        validated=[name for name, space in scored.items() if space.head is not None],
        metrics=foreseen_metrics(scored, tasks),
        precision=precision,
        processes=launched if job.distributed is None else max(launched, job.distributed.processes),
        starts_with_weights=continues or job.initializer is not None,
        other_domains=[
            space.domain for name, space in datasets.items() if name not in sources.paths["train"]
        ],
    )


def _head_paths(datasets: Mapping[str, DatasetSpace], single: bool) -> dict[str, str]:
    """Return, for each head, the config path at which its first dataset names it.

    # Parameters

    datasets : the datasets.
    single : the config has a single reader, not several readers by name.
    """
    paths: dict[str, str] = {}
    for name, space in datasets.items():
        if space.head is not None:
            path = "dataset_reader.head" if single else f"dataset_reader.readers.{name}.head"
            paths.setdefault(space.head, path)

    return paths


def _score_names(task: str) -> list[str]:
    return [*score_names(task), "f1_<TYPE>"] if task == "ner" else score_names(task)
