"""Curves, read with TensorBoard's own reader."""

import json
from pathlib import Path

import pytest

from ner_adv_plugin.modules.schedules import DannSchedule
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import tiny_config
from tests.training.callbacks.helpers import curves, events

STEPS = 5  # per epoch of `tiny_run`


def epochs_of(run: Path) -> list[dict[str, float]]:
    count = len(list(run.glob("metrics_epoch_*.json")))
    return [
        json.loads((run / f"metrics_epoch_{i}.json").read_text(encoding="utf-8"))
        for i in range(count)
    ]


def test_tags_of_training(tiny_run: Path) -> None:
    assert set(curves(tiny_run, "train")) == {
        "optimized_loss",
        "weibo_loss",
        "msra_loss",
        "msr_loss",
        "weibo_optimized_loss",
        "msra_optimized_loss",
        "msr_optimized_loss",
        "objective_loss",
        "discriminator_accuracy",
        "reversal_scale",
        "gradient_norm",
        "positions_per_character",
        "learning_rate/group_0",
        "learning_rate/group_1",
    }


def test_tags_of_validation_are_its_metrics(tiny_run: Path) -> None:
    found = curves(tiny_run, "validation")
    epochs = epochs_of(tiny_run)
    names = {
        name.removeprefix("validation_") for name in epochs[0] if name.startswith("validation_")
    }
    assert set(found) == names and "weibo_f1" in names
    for name in names:
        expected = [
            (STEPS * (i + 1), pytest.approx(m[f"validation_{name}"], rel=1e-6))
            for i, m in enumerate(epochs)
        ]
        assert found[name] == expected


def test_values_of_steps(tiny_run: Path) -> None:
    found = curves(tiny_run, "train")
    total = STEPS * len(epochs_of(tiny_run))
    schedule, warmup = DannSchedule(scale=0.5), round(0.1 * total)
    for step in range(total):
        assert found["reversal_scale"][step] == (
            step,
            pytest.approx(schedule.at(step / total), rel=1e-5),
        )
        factor = min(step / warmup, (total - step) / (total - warmup))
        for index, rate in enumerate((0.02, 0.03)):
            value = found[f"learning_rate/group_{index}"][step]
            assert value == (step, pytest.approx(factor * rate, rel=1e-5, abs=1e-9))
        assert 0 <= found["discriminator_accuracy"][step][1] <= 1
    assert all(len(curve) == total for curve in found.values())


def test_metrics_of_an_epoch_are_means_over_its_steps(tiny_run: Path) -> None:
    found = curves(tiny_run, "train")
    for epoch, metrics in enumerate(epochs_of(tiny_run)):
        steps = found["optimized_loss"][STEPS * epoch : STEPS * (epoch + 1)]
        assert metrics["training_loss"] == pytest.approx(
            sum(value for _, value in steps) / STEPS, rel=1e-5
        )


def test_points_have_the_configured_interval(tmp_path: Path) -> None:
    callbacks = [{"type": "tensorboard", "summary_interval": 3}]
    train_model(tiny_config(trainer__num_epochs=2, trainer__callbacks=callbacks), tmp_path)
    assert [step for step, _ in curves(tmp_path, "train")["optimized_loss"]] == [0, 3, 6, 9]


def test_histograms_and_pictures_are_off_by_default(tiny_run: Path) -> None:
    for split in ("train", "validation"):
        tags = events(tiny_run, split).Tags()
        assert tags["histograms"] == tags["images"] == []
