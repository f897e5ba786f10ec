"""Checkpoints: everything that a resumed run needs, written so that a kill at any moment leaves a whole one."""

import re
import time
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.common.registrable import Registrable

NAME = re.compile(r"training_state_e(\d+)_b(\d+)\.th")
OWN = re.compile(r"\.?(?:model|training)_state_(e\d+_b\d+\.th)(?:\.partial)?")


class Checkpointer(Registrable):
    """Writes and finds checkpoints.

    A checkpoint is `model_state_e<epoch>_b<batch>.th` and `training_state_e<epoch>_b<batch>.th`, the latter written
    last, so that it is there only where both are whole.
    Registered as "default".

    # Parameters

    save_completed_epochs : save after every epoch.
    save_every_num_seconds : save within an epoch where so much time has passed since the last.
    save_every_num_batches : save within an epoch after every so many batches.
    keep_most_recent_by_count : checkpoints kept; all where null.
    """

    default_implementation = "default"

    def __init__(
        self,
        save_completed_epochs: bool = True,
        save_every_num_seconds: float | None = None,
        save_every_num_batches: int | None = None,
        keep_most_recent_by_count: int | None = 2,
    ) -> None:
        if keep_most_recent_by_count is not None and keep_most_recent_by_count < 1:
            raise ConfigurationError(
                f"expected 1 or more, found {keep_most_recent_by_count}",
                "keep_most_recent_by_count",
            )
        self.save_completed_epochs = save_completed_epochs
        self.save_every_num_seconds = save_every_num_seconds
        self.save_every_num_batches = save_every_num_batches
        self.keep_most_recent_by_count = keep_most_recent_by_count
        self._last_saved = time.monotonic()

    def is_due(self, batches_done: int) -> bool:
        """Whether to save within an epoch, so many of its batches done."""
        if self.save_every_num_batches and batches_done % self.save_every_num_batches == 0:
            return True
        waited = time.monotonic() - self._last_saved
        return self.save_every_num_seconds is not None and waited >= self.save_every_num_seconds

    def save(
        self, folder: Path, epoch: int, batch: int, model: dict[str, Any], training: dict[str, Any]
    ) -> None:
        """Write a checkpoint, then remove those too old to keep."""
        stem = f"e{epoch}_b{batch}.th"
        write_file(folder / f"model_state_{stem}", lambda path: torch.save(model, path))
        write_file(folder / f"training_state_{stem}", lambda path: torch.save(training, path))
        self._last_saved = time.monotonic()
        self._remove_old(folder)

    def load_latest(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Model and training state of the last checkpoint, None where there is none; those too old to keep, and
        what a killed process left of others, are removed.
        """
        stems = _checkpoints(folder)
        if not stems:
            return None
        self._remove_old(folder)
        model, training = (
            torch.load(folder / f"{kind}_{stems[-1]}", map_location="cpu", weights_only=True)
            for kind in ("model_state", "training_state")
        )
        return model, training

    def _remove_old(self, folder: Path) -> None:
        """Leave the checkpoints that are to be kept, whole, and files that are of none."""
        count = self.keep_most_recent_by_count
        kept = _checkpoints(folder)[-count if count else 0 :]
        # In this order the state goes first: a model without one is no checkpoint.
        for path in sorted(folder.iterdir(), reverse=True):
            match = OWN.fullmatch(path.name)
            if match and (match[1] not in kept or path.name.endswith(".partial")):
                path.unlink(missing_ok=True)


Checkpointer.register("default")(Checkpointer)


def _checkpoints(folder: Path) -> list[str]:
    """What whole checkpoints' names end in, oldest first."""
    found = []
    for path in folder.glob("training_state_*.th"):
        match = NAME.fullmatch(path.name)
        if match and (folder / path.name.replace("training_state", "model_state")).is_file():
            found.append((int(match[1]), int(match[2]), path.name.removeprefix("training_state_")))
    return [name for _, _, name in sorted(found)]
