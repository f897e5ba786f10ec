"""Checkpoints, written so that a process killed at any moment leaves a complete one."""

import re
import time
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.files import write_file
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.models.weights import read_weights

STATE_FILE = re.compile(r"training_state_e(\d+)_b(\d+)\.th")
# Any file of a checkpoint, also one that was not written to its end.
ANY_FILE = re.compile(r"\.?(?:model|training)_state_(e\d+_b\d+\.th)(?:\.partial)?")


class Checkpointer(Registrable):
    """Write, find and remove checkpoints.

    Registered as "default". A checkpoint consists of `model_state_e<epoch>_b<batch>.th` and
    `training_state_e<epoch>_b<batch>.th`. The training state is written last: if it exists, both
    files are complete.

    # Parameters

    save_completed_epochs : save after every epoch.
    save_every_num_seconds : save within an epoch if this many seconds have passed since the last
        checkpoint.
    save_every_num_batches : save within an epoch each time its number of optimizer steps is a
        multiple of this.
    keep_most_recent_by_count : number of checkpoints to keep; null for all.

    # Example

    ```jsonnet
    { type: 'default', save_every_num_seconds: 600, keep_most_recent_by_count: 2 }
    ```
    """

    default_implementation = "default"

    def __init__(
        self,
        save_completed_epochs: bool = True,
        save_every_num_seconds: float | None = None,
        save_every_num_batches: int | None = None,
        keep_most_recent_by_count: int | None = 2,
    ) -> None:
        at_least(1, keep_most_recent_by_count, "keep_most_recent_by_count")

        self.save_completed_epochs = save_completed_epochs
        self.save_every_num_seconds = save_every_num_seconds
        self.save_every_num_batches = save_every_num_batches
        self.keep_most_recent_by_count = keep_most_recent_by_count
        self._last_saved = time.monotonic()

    def is_due(self, batches_done: int) -> bool:
        """Return whether to save within an epoch.

        # Parameters

        batches_done : optimizer steps done in the epoch.

        # Examples

        >>> checkpointer = Checkpointer(save_every_num_batches=100)
        >>> checkpointer.is_due(200), checkpointer.is_due(250)
        (True, False)
        """
        if self.save_every_num_batches and batches_done % self.save_every_num_batches == 0:
            return True

        elapsed = time.monotonic() - self._last_saved
        return self.save_every_num_seconds is not None and elapsed >= self.save_every_num_seconds

    def save(
        self, folder: Path, epoch: int, batch: int, model: dict[str, Any], training: dict[str, Any]
    ) -> None:
        """Write a checkpoint, then remove old ones.

        # Parameters

        folder : folder of the checkpoints.
        epoch : number of finished epochs.
        batch : optimizer steps done in the current epoch.
        model, training : state of the model, and training state of the run.
        """
        suffix = f"e{epoch}_b{batch}.th"
        write_file(folder / f"model_state_{suffix}", lambda path: torch.save(model, path))
        write_file(folder / f"training_state_{suffix}", lambda path: torch.save(training, path))

        self._last_saved = time.monotonic()
        self._remove_old(folder)

    def load_latest(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Load the latest checkpoint; remove old ones and incomplete files of killed processes.

        # Parameters

        folder : folder of the checkpoints; it need not exist.

        # Returns

        Model and training state; None if there is no checkpoint.
        """
        suffixes = _checkpoints(folder)
        if not suffixes:
            return None

        self._remove_old(folder)
        paths = [
            folder / f"{prefix}_{suffixes[-1]}" for prefix in ("model_state", "training_state")
        ]
        model, training = (read_weights(path, str(path)) for path in paths)
        return model, training

    def _remove_old(self, folder: Path) -> None:
        """Remove old checkpoints and incomplete ones; other files stay."""
        count = self.keep_most_recent_by_count
        kept = _checkpoints(folder)[-count if count else 0 :]

        # In this order the training state is removed before its model: a model alone is not
        # mistaken for a checkpoint.
        for path in sorted(folder.iterdir(), reverse=True):
            match = ANY_FILE.fullmatch(path.name)
            if match and (match[1] not in kept or path.name.endswith(".partial")):
                path.unlink(missing_ok=True)


Checkpointer.register("default")(Checkpointer)


def _checkpoints(folder: Path) -> list[str]:
    """Return the suffixes `e<epoch>_b<batch>.th` of complete checkpoints, oldest first."""
    complete = []
    for path in folder.glob("training_state_*.th"):
        match = STATE_FILE.fullmatch(path.name)
        if match and (folder / path.name.replace("training_state", "model_state")).is_file():
            suffix = path.name.removeprefix("training_state_")
            complete.append((int(match[1]), int(match[2]), suffix))
    return [suffix for _, _, suffix in sorted(complete)]
