"""Callbacks "stopping" and "looking", which stop and inspect a run, and readers of curves."""

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
    """Stop the run after `steps` optimizer steps; never if None."""

    steps: ClassVar[int | None] = None

    def on_batch(self, trainer: Any, epoch: int, batch_number: int, is_training: bool) -> None:
        if trainer.steps_done == self.steps:
            raise Stopped


@TrainerCallback.register("looking")
class Looking(TrainerCallback):
    """Call `look` with an event and the trainer.

    The events are "backward", when the gradients of a step are computed, and "batch", after the
    step.
    """

    look: ClassVar[Callable[[str, Any], None]] = staticmethod(lambda event, trainer: None)

    def on_backward(self, trainer: Any, batch_metrics: Any) -> None:
        type(self).look("backward", trainer)

    def on_batch(self, trainer: Any, epoch: int, batch_number: int, is_training: bool) -> None:
        type(self).look("batch", trainer)


@contextmanager
def looking(look: Callable[[str, Any], None]) -> Iterator[None]:
    """Context in which callbacks "looking" call `look` with an event and the trainer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Looking, "look", staticmethod(look))
        yield


def train_in_two(config: dict[str, Any], folder: Path, steps: int) -> None:
    """Train, stop after `steps` steps by a callback "stopping" of the config, and recover."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Stopping, "steps", steps)
        train_model(config, folder)
    # TensorBoard reads event files of the same second in no defined order.
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config, folder, recover=True)


def events(folder: Path, split: str) -> EventAccumulator:
    """Read the events of a run with TensorBoard."""
    return EventAccumulator(str(folder / "log" / split), size_guidance=ALL).Reload()


def curves(folder: Path, split: str) -> dict[str, list[tuple[int, float]]]:
    """Read steps and values of every curve."""
    reader = events(folder, split)
    return {
        tag: [(event.step, event.value) for event in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    }
