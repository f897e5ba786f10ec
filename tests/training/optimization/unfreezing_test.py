"""Gradual unfreezing: against runs that freeze the same parameters, and resumed."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.optimization.unfreezing import GradualUnfreezing
from tests.same_run import differences
from tests.stopping import stopping_before
from tests.tiny import tiny_config, weights

GROUPS = [["^towers"], [r"^encoder\.", "^towers"]]


def config_of_run(groups: Any = GROUPS, **overrides: Any) -> dict[str, Any]:
    settings = {
        "model__type": "hard_sharing",
        "trainer__num_epochs": 3,
        "trainer__grad_norm": 1.0,
        "trainer__checkpointer": {
            "save_every_num_batches": 2,
            "keep_most_recent_by_count": None,
        },
        "trainer__callbacks": [{"type": "tensorboard", "summary_interval": 1}],
    }
    config = tiny_config(**{**settings, **overrides})
    if groups is not None:
        config["trainer"]["unfreezing"] = {"groups": groups}
    return config


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    train_model(config_of_run(), folder)
    return folder


def after_epoch(folder: Path, epoch: int) -> dict[str, torch.Tensor]:
    return weights(folder / "checkpoints" / f"model_state_e{epoch}_b0.th")


def test_the_first_epoch_equals_that_of_frozen_parameters(finished: Path, tmp_path: Path) -> None:
    frozen = config_of_run(None, trainer__no_grad=["^towers", "^encoder"], trainer__num_epochs=1)
    train_model(frozen, tmp_path)
    one, other = after_epoch(finished, 1), after_epoch(tmp_path, 1)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_groups_begin_one_after_the_other(finished: Path, tmp_path: Path) -> None:
    still = config_of_run(None, trainer__optimizer={"type": "sgd", "lr": 0.0})
    train_model(still, tmp_path)
    states = [weights(tmp_path / "best.th"), *(after_epoch(finished, n) for n in (1, 2, 3))]
    begins = {"heads": 0, "towers": 1, "encoder": 2}
    for epoch in range(3):
        for part, begin in begins.items():
            names = [n for n in states[0] if n.startswith(f"{part}.") and states[0][n].dim() > 1]
            before, after = states[epoch], states[epoch + 1]
            changed = [name for name in names if not torch.equal(before[name], after[name])]
            assert bool(changed) == (epoch >= begin), (epoch, part)


@pytest.mark.parametrize("step", [3, 6, 12])
def test_resumes_exactly(finished: Path, tmp_path: Path, step: int) -> None:
    with stopping_before(step):
        train_model(config_of_run(), tmp_path / "run")
    time.sleep(1.0 - time.time() % 1.0)
    train_model(config_of_run(), tmp_path / "run", recover=True)
    assert differences(tmp_path / "run", finished) == []


def test_epochs_per_group() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1))
    schedule = GradualUnfreezing(model.named_parameters(), [["^1"]], epochs_per_group=2)
    assert [len(schedule.frozen(epoch)) for epoch in range(4)] == [2, 2, 0, 0]


@pytest.mark.parametrize(
    ("groups", "path", "message"),
    [
        ([], "trainer.unfreezing.groups", "expected one group or more"),
        ([["("]], "trainer.unfreezing.groups.0.0", "not a regular expression"),
    ],
)
def test_wrong_settings(groups: list[list[str]], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        checked_job(config_of_run(groups))
    assert error.value.path == path


@pytest.mark.parametrize("epochs_per_group", [1, 2])
@pytest.mark.parametrize("num_epochs", [1, 2, 3, 4, 5])
def test_groups_that_never_train_are_named(
    epochs_per_group: int, num_epochs: int, caplog: pytest.LogCaptureFixture
) -> None:
    model = torch.nn.Sequential(*(torch.nn.Linear(1, 1, bias=False) for _ in range(3)))
    groups = [["^2"], ["^1"]]
    schedule = GradualUnfreezing(model.named_parameters(), groups, epochs_per_group)
    frozen = schedule.frozen(num_epochs - 1)
    never = [number for number, name in enumerate(("2.weight", "1.weight")) if name in frozen]

    config = config_of_run(trainer__num_epochs=num_epochs)
    config["trainer"]["unfreezing"]["epochs_per_group"] = epochs_per_group
    checked_job(config)
    named = [message.split(":")[0] for message in caplog.messages if "never train" in message]
    assert named == [f"trainer.unfreezing.groups.{number}" for number in never]


@pytest.mark.parametrize(
    ("groups", "path", "message"),
    [
        ([["^0"], ["^wieght", "x"]], "groups.1.0", "matches no trainable parameter"),
        ([["."]], "groups", "leaves no parameter to train in the first epoch"),
    ],
)
def test_patterns_that_do_not_fit_the_model(
    groups: list[list[str]], path: str, message: str
) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(1, 1))
    with pytest.raises(ConfigurationError, match=message) as error:
        GradualUnfreezing(model.named_parameters(), groups)
    assert error.value.path == path
