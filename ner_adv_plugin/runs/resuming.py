"""What a resumed run may change: only settings whose effect on the result is well defined."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives.writing import CONFIG
from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.differences import all_differences
from ner_adv_plugin.common.digests import file_digest
from ner_adv_plugin.common.errors import ConfigurationError, UserError, joined
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.stages import config_of_model
from ner_adv_plugin.common.wording import shown
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.runs.initialising import file_to_digest
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.run_files import files_of
from ner_adv_plugin.training.trainer import Trainer

logger = logging.getLogger(__name__)
CORPORA = ("train_data_path", "validation_data_path", "test_data_path")
# Digests of the corpora of a run.
DATA = "data.json"
NUM_EPOCHS, CALLBACKS = "trainer.num_epochs", "trainer.callbacks"
# These keys, and all keys below them, may change. Whether another number of epochs changes what a
# step computes depends on the schedules, see `check_length`. Another number of threads changes
# rounding, and another `max_tokens_per_pass` also dropout masks; a smaller machine needs both. The
# others change nothing that a step computes.
CHANGEABLE = (
    NUM_EPOCHS,
    "trainer.patience",
    CALLBACKS,
    "trainer.checkpointer",
    "trainer.threads",
    "trainer.max_tokens_per_pass",
    "data_loader.cache_directory",
    "evaluate_on_test",
    "include_in_archive",
)


def data_digests(job: TrainJob) -> dict[str, dict[str, str]]:
    """Return path and SHA-256 of a run's corpora and of other files that it reads, by config path.

    # Parameters

    job : from `checked_job`.
    """
    return {
        key: {"file": path, "sha256": file_digest(file_to_digest(path))}
        for key, path in files_of(job).items()
    }


def describe(job: TrainJob, folder: Path) -> None:
    """Write the files that describe a run's config and data."""
    write_json(folder / DATA, data_digests(job))
    write_json(folder / CONFIG, job.config)


def check_changes(job: TrainJob, folder: Path) -> dict[str, tuple[Any, Any]]:
    """Compare the config and the corpora of a run that is resumed with those it started with.

    # Parameters

    job : the job of the resumed run.
    folder : its folder.

    # Returns

    The old and new values of the settings that have changed, by config path.

    # Raises

    ConfigurationError : for a setting that may not change, and for a corpus with another content.
    """
    before = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    # A corpus may have another path if it has the same content.
    same_content = (*CORPORA, *files_of(job))
    allowed = (*CHANGEABLE, *same_content) if _check_data(job, folder) else CHANGEABLE

    changes = _changes(config_of_model(before), job)
    for path, (old, new) in changes.items():
        if not _below(path, allowed):
            raise ConfigurationError(
                f"--recover: the run started with {shown(old)}, but the config now has"
                f" {shown(new)}. {_what_may_change()}",
                path,
            )
    return changes


def check_length(trainer: Trainer, changes: Mapping[str, tuple[Any, Any]]) -> None:
    """Check that another number of epochs is well defined for a run that is resumed.

    # Parameters

    trainer : the trainer, with its state restored.
    changes : see `check_changes`.

    # Raises

    ConfigurationError : if what the steps so far computed depends on the number of epochs, or if
        more epochs are done.
    """
    if NUM_EPOCHS not in changes or not trainer.steps_done:
        return

    old, new = changes[NUM_EPOCHS]
    begun = trainer.epoch + (trainer.steps_done_in_epoch > 0)
    if begun > new:
        raise ConfigurationError(
            f"--recover: {old} -> {new}, but the run is already in epoch {begun}", NUM_EPOCHS
        )
    for path in _length_dependent(trainer):
        raise ConfigurationError(
            f"--recover: {old} -> {new} is not possible, as {path} depends on the number of"
            f" epochs: the {trainer.steps_done} steps so far would have been other ones. Keep"
            f" {old} epochs, or train again in another folder.",
            NUM_EPOCHS,
        )


def log_changes(changes: Mapping[str, tuple[Any, Any]]) -> None:
    """Log a line for every setting that has changed."""
    for path, (old, new) in changes.items():
        logger.info("%s: %s -> %s", path, _shown(path, old), _shown(path, new))


def _changes(before: Mapping[str, Any], job: TrainJob) -> dict[str, tuple[Any, Any]]:
    """Return the differences of two configs with their defaults."""
    try:
        old, new = bind(TrainJob, before, "").filled, job.filled
    except UserError:
        # Written by another version, or with other plugins.
        old, new = before, config_of_model(job.config)

    found = {}
    callbacks = [config["trainer"].get("callbacks") or [] for config in (old, new)]
    if _types(callbacks[0]) != _types(callbacks[1]):
        found[CALLBACKS] = (callbacks[0], callbacks[1])
    for path, old_value, new_value in all_differences(old, new):
        if CALLBACKS not in found or not _below(path, [CALLBACKS]):
            found[path] = (old_value, new_value)
    return found


def _check_data(job: TrainJob, folder: Path) -> bool:
    """Check that every corpus has the content with which the run started.

    Returns whether that is known: runs of version 0.2.0 have no digests.
    """
    if not (folder / DATA).is_file():
        logger.warning("%s has no %s: whether its corpora have changed is unknown", folder, DATA)
        return False

    before = json.loads((folder / DATA).read_text(encoding="utf-8"))
    now = data_digests(job)
    for path in dict.fromkeys([*before, *now]):
        old, new = before.get(path), now.get(path)
        if old is None or new is None:
            files = [shown(None if entry is None else entry["file"]) for entry in (old, new)]
            raise ConfigurationError(
                f"--recover: the run started with {files[0]}, but the config now has {files[1]}."
                f" {_what_may_change()}",
                path,
            )
        if old["sha256"] != new["sha256"]:
            moved = "" if old["file"] == new["file"] else f" (then {old['file']})"
            raise ConfigurationError(
                f"--recover: the content of {new['file']} is not that with which the run"
                f" started{moved}: SHA-256 {old['sha256'][:12]}, now {new['sha256'][:12]}."
                " Train again in another folder.",
                path,
            )
    return True


def _length_dependent(trainer: Trainer) -> Iterator[str]:
    """Yield the config paths of components that depend on the number of epochs."""
    if trainer.scheduler is not None and trainer.scheduler.depends_on_length:
        yield "trainer.learning_rate_scheduler"
    if trainer.data_loader.sampler.depends_on_length:
        yield "data_loader.sampler"
    for name, module in trainer.model.named_modules():
        for key, value in vars(module).items():
            if isinstance(value, Schedule) and value.depends_on_length:
                yield joined(joined("model", name), key)


def _below(path: str, keys: Sequence[str]) -> bool:
    return any(path == key or path.startswith(f"{key}.") for key in keys)


def _what_may_change() -> str:
    return f"May change: {', '.join(CHANGEABLE)}."


def _types(callbacks: Sequence[Any]) -> list[str]:
    """Return the names of callbacks."""
    return [own if isinstance(own, str) else str(own.get("type")) for own in callbacks]


def _shown(path: str, value: Any) -> str:
    """Return a value as text; of callbacks only their names."""
    return ", ".join(_types(value)) or "none" if path == CALLBACKS else shown(value)
