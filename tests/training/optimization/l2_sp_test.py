"""L2-SP against the penalty in the loss, against AdamW's weight decay, and in a run."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.optimization.l2_sp import StartingPointDecay
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import tiny_config, weights

ALPHA, RATE = 0.3, 0.05


def layer() -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2)


def inputs(step: int) -> torch.Tensor:
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(step))


def test_with_sgd_it_is_the_penalty_in_the_loss() -> None:
    ours, plain = layer(), layer()
    start = [p.detach().clone() for p in plain.parameters()]
    decay = StartingPointDecay(ours.named_parameters(), ALPHA, ["weight", "bias"])
    optimizers = [torch.optim.SGD(own.parameters(), RATE) for own in (ours, plain)]
    for step in range(5):
        ours(inputs(step)).square().sum().backward()
        decay.apply(optimizers[0].param_groups)
        penalty = sum(
            ((p - p0) ** 2).sum() for p, p0 in zip(plain.parameters(), start, strict=True)
        )
        (plain(inputs(step)).square().sum() + ALPHA / 2 * penalty).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(ours.state_dict(), plain.state_dict())
    assert not torch.allclose(ours.weight, start[0])


def test_towards_0_it_is_the_weight_decay_of_adamw() -> None:
    ours, theirs = layer(), layer()
    for own in (ours, theirs):
        torch.nn.init.zeros_(own.weight)
        torch.nn.init.zeros_(own.bias)
    decay = StartingPointDecay(ours.named_parameters(), ALPHA, ["."])
    optimizers = [
        torch.optim.AdamW(ours.parameters(), RATE, weight_decay=0),
        torch.optim.AdamW(theirs.parameters(), RATE, weight_decay=ALPHA),
    ]
    for step in range(5):
        for own in (ours, theirs):
            (own(inputs(step)) - 1).square().sum().backward()
        decay.apply(optimizers[0].param_groups)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


def test_each_parameter_decays_by_the_rate_of_its_group() -> None:
    own = layer()
    decay = StartingPointDecay(own.named_parameters(), 0.5, ["weight"])
    start = {name: value.clone() for name, value in own.state_dict().items()}
    with torch.no_grad():
        own.weight += 1
        own.bias += 1
    groups = [{"params": [own.bias], "lr": 0.9}, {"params": [own.weight], "lr": 0.2}]
    decay.apply(groups)
    torch.testing.assert_close(own.weight.detach(), start["weight"] + 1 - 0.2 * 0.5)
    torch.testing.assert_close(own.bias.detach(), start["bias"] + 1)


def config_of_run(**overrides: Any) -> dict[str, Any]:
    settings = {
        "model__type": "hard_sharing",
        "trainer__num_epochs": 2,
        "trainer__checkpointer": {"save_every_num_batches": 2},
        "trainer__callbacks": [{"type": "tensorboard", "summary_interval": 1}],
        "trainer__l2_sp": {"alpha": 3.0, "regexes": [r"^encoder\.", "^towers"]},
        "trainer__optimizer": {"type": "huggingface_adamw", "lr": 0.02},
    }
    return tiny_config(**{**settings, **overrides})


def test_a_run_stays_nearer_to_its_start_and_resumes_exactly(tmp_path: Path) -> None:
    train_model(config_of_run(), tmp_path / "whole")
    with stopping_before(4):
        train_model(config_of_run(), tmp_path / "run")
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config_of_run(), tmp_path / "run", recover=True)
    assert differences(tmp_path / "run", tmp_path / "whole") == []

    train_model(config_of_run(trainer__l2_sp=None), tmp_path / "free")
    still = config_of_run(trainer__optimizer={"type": "sgd", "lr": 0.0}, trainer__l2_sp=None)
    train_model(still, tmp_path / "still")
    start = weights(tmp_path / "still" / "best.th")
    moved = {
        name: sum(
            float((value - start[key]).norm() ** 2)
            for key, value in weights(tmp_path / name / "checkpoints/model_state_e2_b0.th").items()
            if key.startswith(("encoder.", "towers."))
        )
        for name in ("whole", "free")
    }
    assert 0 < moved["whole"] < 0.8 * moved["free"]


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"alpha": 1.0, "regexes": ["("]}, "trainer.l2_sp.regexes.0", "not a regular expression"),
        ({}, "trainer.l2_sp.alpha", "missing|required|expected"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        checked_job({**config_of_run(trainer__l2_sp=None), **_with(settings)})
    assert error.value.path == path


def _with(settings: dict[str, Any]) -> dict[str, Any]:
    trainer = config_of_run()["trainer"]
    return {"trainer": {**trainer, "l2_sp": settings}}


def test_a_pattern_that_matches_nothing_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match='Did you mean "weight"') as error:
        StartingPointDecay(layer().named_parameters(), 1.0, ["^wieght"])
    assert error.value.path == "regexes.0"
    with pytest.raises(ConfigurationError, match="expected more than 0, found 0"):
        StartingPointDecay(layer().named_parameters(), 0.0)


def test_an_optimizer_without_a_learning_rate() -> None:
    config = _with({"alpha": 1.0})
    config["trainer"]["optimizer"] = {"type": "huggingface_adafactor"}
    with pytest.raises(ConfigurationError, match="needs a learning rate"):
        checked_job({**config_of_run(), **config})
