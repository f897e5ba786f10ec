"""Callbacks that stop a run and look at it, named in configs as "stopping" and "looking", and curves read back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training import TrainerCallback
from tests.stopping import Stopped

ALL = {"scalars": 0, "histograms": 0, "images": 0}


@TrainerCallback.register("stopping")
class Stopping(TrainerCallback):
    """Stops the run after `steps` steps, none where null."""

    steps: ClassVar[int | None] = None

    def on_batch(self, trainer: Any, epoch: int, batch_number: int, is_training: bool) -> None:
        if trainer.steps_done == self.steps:
            raise Stopped


@TrainerCallback.register("looking")
class Looking(TrainerCallback):
    """Shows the trainer to `look` when a step's gradients are there, and when the step is done."""

    look: ClassVar[Callable[[str, Any], None]] = staticmethod(lambda turn, trainer: None)

    def on_backward(self, trainer: Any, batch_metrics: Any) -> None:
        type(self).look("backward", trainer)

    def on_batch(self, trainer: Any, epoch: int, batch_number: int, is_training: bool) -> None:
        type(self).look("batch", trainer)


@contextmanager
def looking(look: Callable[[str, Any], None]) -> Iterator[None]:
    """Within it, callbacks "looking" call `look` with the turn's name and the trainer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Looking, "look", staticmethod(look))
        yield


def train_in_two(config: dict[str, Any], folder: Path, steps: int) -> None:
    """Train with a callback "stopping" in the config, which stops the run, and recover it."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Stopping, "steps", steps)
        train_model(config, folder)
    # TensorBoard reads files of one second in no certain order.
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config, folder, recover=True)


def events(folder: Path, split: str) -> EventAccumulator:
    """All that TensorBoard finds of a run."""
    return EventAccumulator(str(folder / "log" / split), size_guidance=ALL).Reload()


def curves(folder: Path, split: str) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of every curve."""
    found = events(folder, split)
    return {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }
