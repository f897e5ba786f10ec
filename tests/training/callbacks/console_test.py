"""The log line of an epoch."""

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ner_adv_plugin.training.callbacks import ConsoleCallback

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
