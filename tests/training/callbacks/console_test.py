"""The log line of an epoch."""

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ner_adv_plugin.common.progress import Pace, ProgressLines
from ner_adv_plugin.modules.statistics import averages
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.callbacks import ConsoleCallback
from ner_adv_plugin.training.trainer import Trainer
from tests.tiny import single_task_config

METRICS = {
    "epoch": 1,
    "training_loss": 0.25,
    "training_weibo_loss": 0.125,
    "training_weibo_optimized_loss": 4.0,
    "training_discriminator_accuracy": 0.5,
    "training_step_seconds": 3.0,
    "validation_loss": 0.75,
    "validation_weibo_loss": 0.375,
    "validation_weibo_f1": 2 / 3,
    "validation_weibo_precision": 0.7,
}


def test_nothing_is_best_if_nothing_was_validated(
    caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    trainer = cast(Any, SimpleNamespace(num_epochs=1))
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"):
        ConsoleCallback(str(tmp_path)).on_epoch(trainer, {"training_loss": 1, "best_epoch": 0}, 0)
    assert caplog.messages == ["epoch 1 of 1: loss 1.0000"]


@pytest.mark.parametrize(("best_epoch", "mark"), [(1, " (best so far)"), (0, "")])
def test_losses_and_f1(
    best_epoch: int, mark: str, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    trainer = cast(Any, SimpleNamespace(num_epochs=3))
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"):
        ConsoleCallback(str(tmp_path)).on_epoch(trainer, {**METRICS, "best_epoch": best_epoch}, 1)
    (line,) = caplog.messages
    assert line == (
        "epoch 2 of 3: loss 0.2500, weibo_loss 0.1250, discriminator_accuracy 0.5000, "
        f"validation_weibo_loss 0.3750, weibo_f1 0.6667{mark}"
    )


class Clock:
    """A clock that every step of training advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines_of_run(
    folder: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, seconds: float
) -> tuple[list[str], list[float], int]:
    """Train two epochs; return the lines of progress, the loss of each step, and the steps."""
    clock, losses = Clock(), []
    train_step = Trainer.train_step

    def timed(trainer: Trainer, group: Any) -> Any:
        clock.now += seconds
        statistics = train_step(trainer, group)
        losses.append(averages(statistics)["loss"])
        return statistics

    # The clock is read by callbacks during the step, which therefore ends before.
    monkeypatch.setattr(Trainer, "train_step", timed)
    monkeypatch.setattr(ConsoleCallback, "clock", staticmethod(clock))
    config = single_task_config(trainer__num_epochs=2, data_loader__batch_size=5)
    with caplog.at_level(logging.INFO, logger="ner_adv_plugin"):
        train_model(config, folder)
    return [line for line in caplog.messages if line.startswith("step ")], losses, len(losses)


def test_a_line_every_30_seconds(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines, losses, steps = lines_of_run(tmp_path, monkeypatch, caplog, seconds=15)
    assert steps % 4 == 0
    assert len(lines) == steps // 2
    for number, line in enumerate(lines, start=1):
        step = 2 * number
        seconds_left = 15 * (steps - step)
        left = (
            f"{seconds_left} s"
            if seconds_left < 60
            else f"{seconds_left // 60} min {seconds_left % 60:02} s"
        )
        loss = (losses[step - 2] + losses[step - 1]) / 2
        epoch = 1 if step <= steps // 2 else 2
        assert line == (
            f"step {step} of {steps} (epoch {epoch} of 2): loss {loss:.4f}, about {left} left"
        )


def test_no_line_of_a_short_run(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert lines_of_run(tmp_path, monkeypatch, caplog, seconds=0.1)[0] == []


def test_no_line_beside_a_bar(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ner_adv_plugin.training.callbacks.console.bars_are_shown", lambda: True)
    assert lines_of_run(tmp_path, monkeypatch, caplog, seconds=40)[0] == []


def test_the_time_left_of_a_resumed_run_counts_its_own_steps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    pace = Pace(total=100, done=50, clock=clock)
    clock.now = 60.0
    assert (pace.left(50), pace.left(60), pace.left(120)) == ("unknown time", "4 min 00 s", "0 s")


def test_lines_of_validation(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with (
        caplog.at_level(logging.INFO, logger="ner_adv_plugin"),
        ProgressLines(400, "validating weibo", clock=clock) as lines,
    ):
        for _ in range(8):
            clock.now += 10.0
            lines.update(50)
    assert caplog.messages == [
        "validating weibo: 150 of 400, about 50 s left",
        "validating weibo: 300 of 400, about 20 s left",
    ]
