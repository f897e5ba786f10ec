"""Runs that end in this process, in the middle."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ner_adv_plugin.training.trainer import Trainer


class Stopped(BaseException):
    """The run ends here, as if the machine had gone off."""


@contextmanager
def stopping_before(step: int) -> Iterator[None]:
    """Within it, training stops just before that step, counted from 1 as this process makes them."""
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
