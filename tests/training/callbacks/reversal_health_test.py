"""Metrics of gradient reversals against separately computed gradients, and warnings."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.callbacks import ReversalHealthCallback
from tests.data.global_batch import share_totals
from tests.tiny import assert_same_weights, learnt, model_and_loader, tiny_config
from tests.training.callbacks.helpers import curves, looking, train_in_two

HEALTH = {"type": "reversal_health", "interval": 1, "probe_sentences": 0}
ADVERSARY = {
    "type": "domain_adversarial",
    "weight": 0.5,
    "dropout": 0.0,
    "reversal": {"type": "constant", "scale": 0.4},
}


def config_of(*objectives: Any, callbacks: Any = (HEALTH,), **overrides: Any) -> dict[str, Any]:
    """Make a config of one step per epoch with all 80 sentences, without dropout.

    The gradients are the same in every run.
    """
    settings = {
        "model__objectives": list(objectives) or [ADVERSARY],
        "model__encoder__dropout": 0.0,
        "model__head__dropout": 0.0,
        "data_loader__batch_size": 80,
        "trainer__num_epochs": 1,
        "trainer__callbacks": list(callbacks),
    }
    return tiny_config(**{**settings, **overrides})


def with_scale(scale: float) -> dict[str, Any]:
    return {**ADVERSARY, "reversal": {"type": "constant", "scale": scale}}


def ratio_of(folder: Path, *objectives: Any, **overrides: Any) -> float:
    metrics = train_model(config_of(*objectives, **overrides), folder)
    return float(metrics["training_reversal_ratio"])


def separate_gradient_norms(config: dict[str, Any]) -> tuple[float, float]:
    """Return the norms of the gradients of objectives and of heads in the first step.

    They are gradients with respect to the states of the shared tower.
    """
    model, loader = model_and_loader(config)
    (planned,) = loader.plan(0)
    (batch,) = share_totals(loader.batches([planned]))
    model.train()
    seen: list[torch.Tensor] = []
    objective = model.objectives[0]
    assert isinstance(objective, Objective)
    objective.register_forward_pre_hook(
        lambda module, arguments: seen.append(arguments[0]["shared"].states_BLD)
    )
    losses = model(batch, 0.0)["losses"]
    norms = {}
    for prefix in ("objectives", "heads"):
        loss = sum(own for name, own in losses.items() if name.startswith(prefix))
        (gradient,) = torch.autograd.grad(loss, seen[0], retain_graph=True)
        norms[prefix] = float(gradient.norm())
    return norms["objectives"], norms["heads"]


def test_ratio_equals_that_of_separate_gradients(tmp_path: Path) -> None:
    reversed_norm, task_norm = separate_gradient_norms(config_of())
    assert ratio_of(tmp_path / "one") == pytest.approx(reversed_norm / task_norm, rel=1e-4)
    doubled = ratio_of(tmp_path / "two", with_scale(0.8))
    assert doubled == pytest.approx(2 * reversed_norm / task_norm, rel=1e-4)
    micro_batches = {"data_loader__batch_size": 20, "trainer__num_gradient_accumulation_steps": 4}
    assert ratio_of(tmp_path / "three", **micro_batches) == pytest.approx(
        reversed_norm / task_norm, rel=1e-4
    )


def test_a_critic_has_a_ratio_and_a_probe_but_no_chance(tmp_path: Path) -> None:
    critic = {**ADVERSARY, "type": "wasserstein", "penalty": 0.0, "hidden_size": 8}
    del critic["dropout"]
    reversed_norm, task_norm = separate_gradient_norms(config_of(critic))
    health = {**HEALTH, "probe_sentences": 10}
    metrics = train_model(config_of(critic, callbacks=[health]), tmp_path)
    assert metrics["training_reversal_ratio"] == pytest.approx(reversed_norm / task_norm, rel=1e-4)
    assert metrics["probe_shared_chance"] == 0.5
    assert not any("discriminator" in name for name in metrics)


def test_another_step_has_the_same_ratio(tmp_path: Path) -> None:
    pytest.importorskip("torchjd")
    plain = ratio_of(tmp_path / "one")
    aggregated = ratio_of(
        tmp_path / "two", trainer__step={"type": "aggregated", "aggregator": "sum"}
    )
    assert aggregated == pytest.approx(plain, rel=1e-4)


def test_names_of_several_objectives_and_chance_of_each(tmp_path: Path) -> None:
    config = config_of(
        ADVERSARY,
        {"type": "orthogonality"},
        {**ADVERSARY, "discriminates": "task"},
        dataset_reader__readers__msra__max_instances=30,
        trainer__num_epochs=2,
        data_loader__batch_size=16,
        callbacks=[{**HEALTH, "interval": 4, "probe_sentences": 20}],
    )
    metrics = train_model(config, tmp_path)
    # 40 sentences of Weibo, 30 of MSRA and 20 of MSR: 50 sentences of news.
    assert metrics["training_objective_0_discriminator_chance"] == pytest.approx(50 / 90)
    assert metrics["training_objective_2_discriminator_chance"] == pytest.approx(40 / 90)
    assert "training_objective_1_discriminator_chance" not in metrics
    assert (
        metrics["training_objective_0_reversal_ratio"] > 0
        and metrics["training_objective_2_reversal_ratio"] > 0
    )
    assert metrics["objective_0_probe_shared_chance"] == 0.5
    assert metrics["objective_2_probe_shared_chance"] == pytest.approx(1 / 3)


def test_the_callback_does_not_change_training_and_resumes(tmp_path: Path) -> None:
    settings = {
        "data_loader__batch_size": 16,
        "trainer__num_epochs": 2,
        "trainer__checkpointer": {"save_every_num_batches": 2},
    }
    health = {"type": "reversal_health", "interval": 2, "probe_sentences": 10}
    train_model(config_of(callbacks=[], **settings), tmp_path / "without")
    config = config_of(
        callbacks=[health, {"type": "tensorboard", "summary_interval": 1}], **settings
    )
    metrics = train_model(config, tmp_path / "with")
    assert_same_weights(tmp_path / "without" / "best.th", tmp_path / "with" / "best.th")
    config["trainer"]["callbacks"].append("stopping")
    train_in_two(config, tmp_path / "resumed", 3)
    assert_same_weights(tmp_path / "without" / "best.th", tmp_path / "resumed" / "best.th")
    resumed = (tmp_path / "resumed" / "metrics.json").read_text(encoding="utf-8")
    probes = {name: value for name, value in learnt(metrics).items() if "probe" in name}
    assert set(probes) == {f"probe_shared_{name}" for name in ("accuracy", "chance", "a_distance")}
    assert all(f'"{name}": {value}' in resumed for name, value in probes.items())
    # Steps between two measurements repeat the latest; the mean of an epoch is over measured steps.
    points = dict(curves(tmp_path / "with", "train")["reversal_ratio"])
    assert list(points) == list(range(10)) and points[1] == points[0] != points[2] == points[3]
    assert metrics["training_reversal_ratio"] == pytest.approx(
        (points[5] + points[7] + points[9]) / 3, rel=1e-5
    )
    assert dict(curves(tmp_path / "resumed", "train")["reversal_ratio"]) == pytest.approx(points)
    assert dict(curves(tmp_path / "with", "train")["discriminator_chance"])[9] == pytest.approx(0.5)
    final = curves(tmp_path / "with", "validation")
    assert final["probe_shared_a_distance"] == [
        (10, pytest.approx(metrics["probe_shared_a_distance"], rel=1e-6))
    ]


def test_curves_do_not_depend_on_the_order_of_callbacks(tmp_path: Path) -> None:
    health = {"type": "reversal_health", "interval": 2, "probe_sentences": 10}
    writer = {"type": "tensorboard", "summary_interval": 1}
    found = []
    for name, callbacks in (("before", [health, writer]), ("after", [writer, health])):
        train_model(config_of(callbacks=callbacks, data_loader__batch_size=16), tmp_path / name)
        found.append([curves(tmp_path / name, split) for split in ("train", "validation")])
    assert found[0] == found[1]
    training, validation = found[1]
    assert [step for step, _ in training["reversal_ratio"]] == list(range(5))
    assert [step for step, _ in validation["probe_shared_accuracy"]] == [5]


@pytest.mark.parametrize(
    ("scale", "head_weight", "minimum", "warns"),
    [
        (1.0, 1.0, 1e-2, False),
        (0.0, 1.0, 0.0, True),
        (0.001, 1.0, 0.0, True),
        # Weight x scale is 5e-4: heads with small gradients, and with smaller ones still.
        (0.001, 0.3, 1e-3, True),
        (0.001, 0.01, 1e-2, False),
        # Weight x scale is 2e-3: as little influence as above, and more.
        (0.004, 10.0, 0.0, True),
        (0.004, 1.0, 1e-3, False),
    ],
)
def test_inert_reversal(
    scale: float,
    head_weight: float,
    minimum: float,
    warns: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = config_of(with_scale(scale), trainer__num_epochs=2, model__head__weight=head_weight)
    with caplog.at_level(logging.WARNING):
        metrics = train_model(config, tmp_path)
    assert metrics["training_reversal_ratio"] >= minimum
    found = [record.getMessage() for record in caplog.records if "inert" in record.getMessage()]
    # Logged once.
    assert len(found) == warns and all(
        message.startswith("model.objectives.0: ") for message in found
    )


@pytest.mark.parametrize(
    ("epochs", "batch_size", "interval"), [(5, 80, 1), (1, 80, 1), (1, 16, 10), (2, 20, 3)]
)
def test_a_reversal_in_its_warmup_is_not_inert(
    epochs: int, batch_size: int, interval: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    growing = {**ADVERSARY, "reversal": {"type": "linear_warmup", "scale": 1.0, "warmup": 0.5}}
    config = config_of(
        growing,
        trainer__num_epochs=epochs,
        data_loader__batch_size=batch_size,
        callbacks=[{**HEALTH, "interval": interval}],
    )
    with caplog.at_level(logging.WARNING):
        metrics = train_model(config, tmp_path)
    # In the very first step the reversal has scale 0.
    assert metrics["training_reversal_ratio"] > 1e-3 or epochs == 1
    assert not [record for record in caplog.records if "inert" in record.getMessage()]


@pytest.mark.parametrize(("epochs", "warnings"), [(1, 0), (3, 1)])
def test_constant_predictions(
    epochs: int, warnings: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def collapse(event: str, trainer: Any) -> None:
        last = trainer.model.objectives[0].discriminator[-1]
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(torch.tensor([1.0, 0.0]))

    # In the first step the discriminator is random, afterwards its prediction is constant.
    config = config_of(callbacks=["looking", HEALTH], trainer__num_epochs=epochs)
    with looking(collapse), caplog.at_level(logging.WARNING):
        metrics = train_model(config, tmp_path)
    assert metrics["training_discriminator_chance"] == 0.5
    assert epochs == 1 or metrics["training_discriminator_accuracy"] == 0.5
    assert (
        len([record for record in caplog.records if "constant prediction" in record.getMessage()])
        == warnings
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"model__type": "hard_sharing", "model__objectives": []},
            'needs an objective with a gradient reversal, "conditional_adversarial",'
            ' "domain_adversarial", "wasserstein": the model has none',
        ),
        ({"callbacks": [{**HEALTH, "interval": 0}]}, "expected 1 or more, found 0"),
        ({"callbacks": [{**HEALTH, "probe_sentences": -1}]}, "expected 0 or more, found -1"),
    ],
)
def test_errors(overrides: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        train_model(config_of(**overrides), tmp_path)


def test_no_probe_of_an_interrupted_run(tmp_path: Path) -> None:
    config = config_of(callbacks=[{**HEALTH, "probe_sentences": 5}, "looking"])
    seen: list[Any] = []

    def stop(event: str, trainer: Any) -> None:
        seen.append(trainer)
        raise KeyboardInterrupt

    with looking(stop), pytest.raises(KeyboardInterrupt):
        train_model(config, tmp_path)
    (trainer,) = seen
    assert any(isinstance(callback, ReversalHealthCallback) for callback in trainer.callbacks)
    assert not any("probe" in name for name in trainer.metrics)
    # The hooks are removed.
    assert not trainer.model.objectives[0]._forward_pre_hooks
