"""Temperatures fitted to validation data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.inference.calibration import LEAST, TEMPERATURES, fit_temperature
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.modules.heads import Head, SoftmaxHead
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import evaluator_of, read_data
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import single_task_config

pytestmark = pytest.mark.slow


def config_of(head: str, **overrides: Any) -> dict[str, Any]:
    """Config of a run validated on its training data, so that every head predicts entities."""
    train = single_task_config()["train_data_path"]
    return single_task_config(
        validation_data_path=train,
        data_loader__leakage="allow",
        trainer__num_epochs=25,
        trainer__calibration="temperature",
        model__head=head,
        **overrides,
    )


def run_of(folder: Path, config: dict[str, Any]) -> tuple[Archive, dict[str, Any], Evaluator]:
    """Train a model; return its archive, metrics, and the evaluator of its validation data."""
    metrics = train_model(config, folder)
    archive = load_archive(folder / "model.tar.gz")
    job = checked_job(config)
    return archive, metrics, evaluator_of(job, archive.model, read_data(job), "validation")


def log_loss(scores_S: Any, right_S: Any) -> float:
    losses = [
        -np.log(score if right else 1 - score)
        for score, right in zip(
            np.clip(scores_S, LEAST, 1 - LEAST).tolist(), right_S.tolist(), strict=True
        )
    ]
    return float(np.mean(losses))


@pytest.mark.parametrize("head", ["crf", "softmax", "global_pointer", "biaffine"])
def test_the_temperature_with_the_least_log_loss_is_kept(tmp_path: Path, head: str) -> None:
    archive, metrics, evaluator = run_of(tmp_path / "run", config_of(head))
    model, (dataset,) = archive.model, evaluator.by_head["weibo"]
    assert dataset.spans is not None
    kept = metrics["weibo_temperature"]
    assert (
        json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))[
            "weibo_temperature"
        ]
        == kept
    )

    losses, readings = {}, []
    for temperature in (*TEMPERATURES, kept):
        model.set_temperature("weibo", temperature)
        spans = predict_dataset(model, dataset, "weibo").spans
        assert spans.scores_S is not None and len(spans.starts_S) > 5
        losses[temperature] = log_loss(
            spans.scores_S.astype(np.float64), spans.found_in(dataset.spans)
        )
        readings.append(list(spans))
    assert losses[kept] == pytest.approx(min(losses.values()), rel=1e-5)
    assert losses[kept] <= losses[min(TEMPERATURES, key=lambda one: abs(one - 1.0))]
    if head != "biaffine":
        # A softmax over types and "none" may prefer another crossing span at another temperature.
        assert all(one == readings[0] for one in readings)


def test_the_archive_has_the_temperature(tmp_path: Path) -> None:
    archive, metrics, evaluator = run_of(tmp_path / "run", config_of("crf"))
    state = archive.model.state_dict()
    assert state["heads.weibo.temperature"].item() == pytest.approx(metrics["weibo_temperature"])
    again = fit_temperature(archive.model, "weibo", evaluator.by_head["weibo"], batch_size=3)
    assert again == metrics["weibo_temperature"]
    assert fit_temperature(archive.model, "weibo", []) is None


def test_calibration_needs_labelled_validation_data() -> None:
    config = config_of("crf", trainer__validation_metric="-loss")
    config["validation_data_path"] = None
    with pytest.raises(
        ConfigurationError, match=r"^trainer\.calibration: there is no labelled validation data"
    ):
        checked_job(config)


def test_a_head_without_temperature_is_rejected_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SoftmaxHead, "calibrates", False)
    with pytest.raises(
        UserError,
        match='head "weibo" \\(SoftmaxHead\\) has no temperature, which trainer.calibration',
    ):
        train_model(config_of("softmax"), tmp_path / "run")
    assert not (tmp_path / "run" / "metrics_epoch_0.json").exists()
    assert Head.by_name("crf").calibrates
