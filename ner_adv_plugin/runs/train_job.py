"""A training run, from a config to an archive."""

import functools
import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.archives.readers import NORMALISERS, recorded_normalisers
from ner_adv_plugin.archives.writing import BEST, CONFIG, FORMAT, META, VOCABULARY, archive_model
from ner_adv_plugin.common.digests import DIGESTS, digest, digests_below, recorded_digests
from ner_adv_plugin.common.errors import UserError, below
from ner_adv_plugin.common.files import write_file, write_folder, write_json
from ner_adv_plugin.common.memory import release_memory
from ner_adv_plugin.common.processes import is_main, on_main, rank
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.calibration import calibrate
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.weights import check_weights, read_weights
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import RunData, collect_vocabulary, evaluator_of, read_data
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.label_checks import check_labels, warn_of_unknown_types
from ner_adv_plugin.runs.resuming import check_changes, check_length, describe, log_changes
from ner_adv_plugin.runs.shared_stages import SharedStages
from ner_adv_plugin.runs.staging import (
    METRICS,
    folder_of,
    forget_temperatures,
    is_finished,
    metrics_of_earlier,
    prepare_stages,
    start_with_weights,
)
from ner_adv_plugin.training.checkpoints.random_state import seed_everything
from ner_adv_plugin.training.trainer import Trainer

logger = logging.getLogger(__name__)


def train_model(
    config: Mapping[str, Any], serialization_dir: Path, recover: bool = False
) -> dict[str, Any]:
    """Train, test and archive a model.

    # Parameters

    config : the whole config.
    serialization_dir : an empty folder or, with `recover`, the folder of an earlier run.
    recover : resume from the last checkpoint, or start from the beginning if it is missing. The
        config may differ in the keys `runs.resuming.CHANGEABLE`.

    # Returns

    The content of `metrics.json`.

    # Examples

    >>> import tempfile
    >>> import ner_adv_plugin.components
    >>> from ner_adv_plugin.common.params import load_config
    >>> config = load_config("fixtures/configs/crf_tagger.jsonnet", "{'trainer.cuda_device': -1}")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     metrics = train_model(config, Path(folder))
    ...     (Path(folder) / "model.tar.gz").is_file()
    True
    >>> metrics["best_epoch"]
    0
    """
    with open_run(checked_job(config), serialization_dir, recover) as trainer:
        trainer.train()
    return trainer.metrics


@contextmanager
def open_run(
    job: TrainJob, folder: Path, recover: bool = False, shared: SharedStages | None = None
) -> Iterator[Trainer]:
    """Prepare a run, yield its trainer, and test and archive the model after training.

    Afterwards `trainer.metrics` holds the content of `metrics.json`. On `KeyboardInterrupt` the
    metrics and the best weights so far are kept. With several processes, every process enters the
    context. Of a job with stages, those before the last one are trained first.

    # Parameters

    job : from `checked_job`.
    folder, recover : see `train_model`.
    shared : stages before the last one that other runs have trained, or that are kept for others.

    # Returns

    A context manager that yields the trainer.
    """
    earlier = _train_earlier(job, folder, recover, shared) if job.earlier else {}
    with _open_stage(job, folder, recover, folder, earlier) as trainer:
        yield trainer


def _train_earlier(
    last: TrainJob, folder: Path, recover: bool, shared: SharedStages | None
) -> dict[str, Any]:
    """Train what is missing of the stages before the last one; return their metrics."""
    on_main(lambda: prepare_stages(last, folder, recover))
    for index, job in enumerate(last.earlier):
        own = folder_of(job, folder)
        if recover and on_main(functools.partial(is_finished, own)):
            continue
        logger.info("stage %d of %d: %s", index + 1, len(last.earlier) + 1, own.name)
        with (
            below(f"stages.{index}"),
            nullcontext(False) if shared is None else shared.stage(job, own) as is_taken,
        ):
            if not is_taken:
                with _open_stage(job, own, recover, folder) as trainer:
                    trainer.train()
                del trainer
                release_memory()

    logger.info("stage %d of %d", len(last.earlier) + 1, len(last.earlier) + 1)
    return on_main(lambda: metrics_of_earlier(last, folder))


@contextmanager
def _open_stage(
    job: TrainJob,
    folder: Path,
    recover: bool,
    whole: Path,
    further: Mapping[str, Any] | None = None,
) -> Iterator[Trainer]:
    """Do what `open_run` does for one stage, or for a job without stages.

    # Parameters

    job, folder, recover : of the stage.
    whole : the folder of the run.
    further : metrics to add.
    """
    trainer, data = _prepared(job, folder, recover, whole)

    try:
        yield trainer
        trainer.metrics.update(further or {})
        trainer.metrics.update(
            {f"leaked_sentences_{name}": count for name, count in data.leaked.items()}
        )
        trainer.metrics.update(data.reading)
        if trainer.calibration is not None:
            trainer.metrics.update(_calibrate(trainer, folder))
        trainer.metrics.update(_test_metrics(job, trainer.model, data, folder))
    except KeyboardInterrupt:
        if is_main() and trainer.steps_done:
            _keep_what_is_done(job, trainer, folder)
        raise

    if is_main():
        write_json(folder / METRICS, trainer.metrics)
        archive_model(folder, job.include_in_archive or ())


def _prepared(job: TrainJob, folder: Path, recover: bool, whole: Path) -> tuple[Trainer, RunData]:
    """Read the data, build the trainer, and write the config, digests and versions of the run.

    The files of a run that is resumed stay as they are if its new config is refused.
    """
    resumed = on_main(lambda: recover and (folder / CONFIG).is_file())
    changes = on_main(lambda: check_changes(job, folder)) if resumed else {}
    if not resumed:
        on_main(lambda: describe(job, folder))

    seed_everything(job.random_seed, job.numpy_seed, job.pytorch_seed)
    data = read_data(job)
    trainer = build_trainer(job, data, folder, recover, whole)

    check_length(trainer, changes)
    if resumed:
        on_main(lambda: describe(job, folder))
    # With digests of the vocabulary, which the trainer has written.
    on_main(lambda: write_json(folder / META, _meta(job, trainer)))
    if is_main():
        log_changes(changes)
    return trainer, data


def _keep_what_is_done(job: TrainJob, trainer: Trainer, folder: Path) -> None:
    """Write the metrics of an interrupted run and, if an epoch was finished, its archive."""
    metrics = {"training_epochs": trainer.epoch, **trainer.metrics, "interrupted": True}
    write_json(folder / METRICS, metrics)
    if (folder / BEST).is_file():
        logger.warning("interrupted: archiving the best weights so far")
        archive_model(folder, job.include_in_archive or ())


def build_trainer(
    job: TrainJob,
    data: RunData,
    folder: Path,
    recover: bool = False,
    whole: Path | None = None,
    targets: bool = True,
) -> Trainer:
    """Build the trainer of a run with its model and data; write the vocabulary to the folder.

    # Parameters

    job, data : from `checked_job` and `read_data`.
    folder, recover : see `train_model`.
    whole : of a job with stages, the folder of the run, with the stages before this one; without it
        the model has fresh weights.
    targets : whether sentences get their targets, for which a teacher labels all of them; without,
        the trainer can only plan.
    """
    check_labels(job, data)
    model = _build_model(job, data, folder, recover)
    if whole is not None and job.earlier:
        start_with_weights(model, job, whole)
    if job.initializer is not None:
        with below("initializer"):
            job.initializer.apply(model)
    with below("data_loader"):
        job.data_loader.set_sentences(data.encoded("train", model), job.random_seed or 0)
    if targets:
        job.data_loader.set_targets(model.targets)
    if whole is not None and job.earlier:
        forget_temperatures(model)
    if rank() and job.pytorch_seed is not None:
        # All processes start with the same weights but draw different dropout masks.
        torch.manual_seed(job.pytorch_seed + rank())
    return job.trainer.construct(
        model=model,
        data_loader=job.data_loader,
        evaluator=evaluator_of(job, model, data, "validation"),
        serialization_dir=str(folder),
        recover=recover,
    )


def _build_model(job: TrainJob, data: RunData, folder: Path, recover: bool) -> Model:
    vocab = collect_vocabulary(job, data)
    if job.vocabulary is not None:
        warn_of_unknown_types(vocab, data)
    if recover:
        on_main(lambda: _check_same_vocabulary(vocab, folder))
    model = job.model.construct(vocab=vocab)

    def write(partial: Path) -> None:
        vocab.save_to_files(partial)
        model.save_files(partial)

    if is_main():
        write_folder(folder / VOCABULARY, write)
    for name, sentences in data.splits["train"].items():
        logger.info("%s: %d training sentences", name, len(sentences))
    logger.info("%d parameters", sum(p.numel() for p in model.parameters()))
    return model


def _calibrate(trainer: Trainer, folder: Path) -> dict[str, float]:
    """Fit the temperatures of the best weights on the validation data and save them."""
    model = trainer.model
    _load_best(model, folder)

    metrics = calibrate(model, trainer.evaluator)
    if is_main():
        write_file(folder / BEST, lambda path: torch.save(model.state_dict(), path))
    return metrics


def _test_metrics(job: TrainJob, model: Model, data: RunData, folder: Path) -> dict[str, float]:
    """Score the test sets with the best weights."""
    if not job.evaluate_on_test or "test" not in data.splits:
        return {}

    _load_best(model, folder)
    metrics = evaluator_of(job, model, data, "test").evaluate(model, "testing")
    return {f"test_{name}": value for name, value in metrics.items()}


def _load_best(model: Model, folder: Path) -> None:
    """Load the best weights of the run."""
    path = folder / BEST
    if not on_main(path.is_file):
        raise UserError(f"no best weights in {path}")

    state = on_main(lambda: read_weights(path, str(path)))
    check_weights(model, state, str(path))
    model.load_weights(state)


def _check_same_vocabulary(vocab: Vocabulary, folder: Path) -> None:
    """Check that the vocabulary of a resumed run is that which it began with."""
    meta = folder / META
    try:
        recorded = recorded_digests(meta.read_bytes()) if meta.is_file() else None
    except ValueError as error:
        raise UserError(f"{folder}: {error}") from error
    if recorded is None:
        return

    for name, content in vocab.contents().items():
        if recorded.get(f"{VOCABULARY}/{name}") != digest(content):
            raise UserError(
                f"{folder}: --recover: the data now give another {VOCABULARY}/{name} than that "
                "which the run began with: its weights do not fit"
            )


def _meta(job: TrainJob, trainer: Trainer) -> dict[str, Any]:
    names = ("ner_adv_plugin", "torch", "transformers", "allennlp-light")
    versions = {name: metadata.version(name) for name in names if _installed(name)}
    readers = job.sources.reader.readers
    return {
        "archive_format": FORMAT,
        "python": platform.python_version(),
        **versions,
        "precision": trainer.engine.precision,
        NORMALISERS: recorded_normalisers(readers, job.filled["dataset_reader"]),
        DIGESTS: digests_below(trainer.folder / VOCABULARY),
    }


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
