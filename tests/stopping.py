"""Runs in this process that are stopped during training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ner_adv_plugin.training.trainer import Trainer


class Stopped(BaseException):
    """Raised to end a run, as if the machine had been switched off."""


@contextmanager
def stopping_before(step: int) -> Iterator[None]:
    """Stop training just before a step, counted from 1 in this process."""
    made = 0
    train_step = Trainer.train_step

    def counted(trainer: Trainer, group: Any) -> Any:
        nonlocal made
        made += 1
        if made == step:
            raise Stopped
        return train_step(trainer, group)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Trainer, "train_step", counted)
        yield
