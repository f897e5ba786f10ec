"""The number of finished epochs that a model sees in training."""

from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import tiny_config
from tests.training.callbacks.helpers import looking, train_in_two

STEPS = 5


@pytest.mark.parametrize("name", ["track_epoch", "track_epoch_callback"])
def test_finished_epochs(name: str, tmp_path: Path) -> None:
    seen: list[Any] = []
    with looking(lambda event, trainer: seen.append((event, trainer.model.epoch))):
        train_model(
            tiny_config(trainer__num_epochs=2, trainer__callbacks=["looking", name]), tmp_path
        )
    assert seen == [
        (event, epoch) for epoch in (0, 1) for _ in range(STEPS) for event in ("backward", "batch")
    ]


def test_finished_epochs_of_a_recovered_run(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    config = tiny_config(
        trainer__num_epochs=3,
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=["track_epoch", "looking", "stopping"],
    )

    def look(event: str, trainer: Any) -> None:
        if event == "backward":
            seen.append((trainer.steps_done, trainer.model.epoch))

    with looking(look):
        train_in_two(config, tmp_path, 8)
    # Stopped after the eighth step, the run resumes from the checkpoint after the seventh.
    assert seen == [(step, step // STEPS) for step in (*range(8), *range(7, 3 * STEPS))]
