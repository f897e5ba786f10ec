"""What a model reads of the epoch as it trains."""

from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import tiny_config
from tests.training.callbacks.helpers import looking, train_in_two

STEPS = 5


@pytest.mark.parametrize("name", ["track_epoch", "track_epoch_callback"])
def test_epochs_done(name: str, tmp_path: Path) -> None:
    seen: list[Any] = []
    with looking(lambda turn, trainer: seen.append((turn, trainer.model.epoch))):
        train_model(
            tiny_config(trainer__num_epochs=2, trainer__callbacks=["looking", name]), tmp_path
        )
    assert seen == [
        (turn, epoch) for epoch in (0, 1) for _ in range(STEPS) for turn in ("backward", "batch")
    ]


def test_epochs_done_after_a_recovery(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    config = tiny_config(
        trainer__num_epochs=3,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=["track_epoch", "looking", "stopping"],
    )

    def look(turn: str, trainer: Any) -> None:
        if turn == "backward":
            seen.append((trainer.steps_done, trainer.model.epoch))

    with looking(look):
        train_in_two(config, tmp_path, 8)
    # Stopped after the eighth step, it goes on from the checkpoint after the seventh.
    assert seen == [(step, step // STEPS) for step in (*range(8), *range(7, 3 * STEPS))]
