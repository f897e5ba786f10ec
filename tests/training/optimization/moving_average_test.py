"""Moving averages against known values, against torch, and in a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.optimization.moving_average import MovingAverage
from tests.tiny import assert_same_weights, tiny_config, weights
from tests.training.callbacks.helpers import looking, train_in_two


def parameter(value: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor([value]))


def test_by_hand() -> None:
    weight = parameter(1.0)
    average = MovingAverage([("weight", weight)], decay=0.25)
    for value, num_updates, expected in (
        (3.0, 1, 1.0 * 2 / 11 + 3.0 * 9 / 11),  # decay (1 + 1) / (10 + 1)
        (5.0, 2, None),  # decay (1 + 2) / (10 + 2) = 0.25
        (5.0, 90, None),  # decay 0.91, cut to 0.25
        (1.0, None, None),  # decay 0.25
    ):
        before = average.state_dict()["averages"]["weight"].item()
        weight.data.fill_(value)
        average.apply(num_updates)
        if expected is None:
            expected = 0.25 * before + 0.75 * value
        assert average.state_dict()["averages"]["weight"].item() == pytest.approx(
            expected, rel=1e-6
        )
        assert weight.item() == value
    assert expected == pytest.approx(0.25 * (0.25 * (0.25 * 29 / 11 + 3.75) + 3.75) + 0.75)


@given(st.floats(0, 1), st.lists(st.floats(-10, 10, width=32), max_size=8))
def test_without_steps_it_equals_that_of_torch(decay: float, values: list[float]) -> None:
    layer = torch.nn.Linear(2, 1)
    theirs = AveragedModel(layer, multi_avg_fn=get_ema_multi_avg_fn(decay))
    theirs.update_parameters(layer)  # the first update copies
    ours = MovingAverage(layer.named_parameters(), decay=decay)
    for value in values:
        torch.nn.init.constant_(layer.weight, value)
        torch.nn.init.constant_(layer.bias, -value)
        ours.apply()
        theirs.update_parameters(layer)
    for name, value in theirs.module.named_parameters():
        torch.testing.assert_close(ours.state_dict()["averages"][name], value.detach())


def test_averages_replace_the_values_until_restored() -> None:
    layer = torch.nn.Linear(3, 2)
    average = MovingAverage(layer.named_parameters(), decay=0.5)
    start = {name: value.detach().clone() for name, value in layer.named_parameters()}
    average.restore()  # nothing to restore
    layer(torch.ones(4, 3)).sum().backward()
    with torch.no_grad():
        for value in layer.parameters():
            value -= 0.1
    average.apply()
    own = {name: value.detach().clone() for name, value in layer.named_parameters()}
    for _ in range(2):  # the second call changes nothing
        average.assign_average_value()
        for name, value in layer.named_parameters():
            torch.testing.assert_close(value.detach(), (start[name] + own[name]) / 2)
    average.restore()
    average.restore()
    assert all(torch.equal(value, own[name]) for name, value in layer.named_parameters())
    assert all(value.requires_grad and value.grad is not None for value in layer.parameters())


def test_state_is_restored_from_a_file(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    average = MovingAverage(layer.named_parameters())
    torch.nn.init.ones_(layer.weight)
    average.apply(3)
    torch.save(average.state_dict(), tmp_path / "state.th")
    fresh = MovingAverage(torch.nn.Linear(3, 2).named_parameters())
    fresh.load_state_dict(torch.load(tmp_path / "state.th", weights_only=True))
    kept = average.state_dict()["averages"]
    assert set(kept) == {"weight", "bias"}
    assert all(
        torch.equal(value, kept[name]) for name, value in fresh.state_dict()["averages"].items()
    )


def test_a_loaded_state_is_not_shared() -> None:
    weight = parameter(1.0)
    first, second = (MovingAverage([("weight", weight)], decay=0.5) for _ in range(2))
    second.load_state_dict(first.state_dict())
    weight.data.fill_(3.0)
    first.apply()
    assert [average.state_dict()["averages"]["weight"].item() for average in (first, second)] == [
        2.0,
        1.0,
    ]


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("decay", 1.5, "0 to 1"),
        ("decay", -0.1, "0 to 1"),
        ("numerator", -1.0, "0 or more"),
        ("denominator", 0.0, "more"),
    ],
)
def test_settings_out_of_range(key: str, value: float, accepted: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{key}: expected {accepted}.*, found {value}"):
        MovingAverage.from_params({key: value}, parameters=[("weight", parameter(1.0))])


STEPS = 5


def config_of_run(**overrides: Any) -> dict[str, Any]:
    return tiny_config(
        trainer__num_epochs=2,
        trainer__moving_average={"decay": 0.8},
        trainer__checkpointer={"save_every_num_batches": 2},
        trainer__callbacks=["looking", "stopping"],
        **overrides,
    )


def test_a_run_saves_the_averages_and_trains_its_own_weights(tmp_path: Path) -> None:
    history: list[dict[str, np.ndarray]] = []

    def look(event: str, trainer: Any) -> None:
        if event == "batch" or not history:  # before the first step, and after each
            history.append(
                {k: v.detach().double().numpy().copy() for k, v in trainer.model.named_parameters()}
            )

    with looking(look):
        metrics = train_model(config_of_run(), tmp_path / "whole")
    assert len(history) == 2 * STEPS + 1
    best = weights(tmp_path / "whole" / "best.th")
    last = weights(tmp_path / "whole" / "checkpoints" / "model_state_e2_b0.th")
    for name, start in history[0].items():
        average = start
        for step, values in enumerate(
            history[1 : STEPS * (metrics["best_epoch"] + 1) + 1], start=1
        ):
            decay = min(0.8, (1 + step) / (10 + step))
            average = decay * average + (1 - decay) * values[name]
        np.testing.assert_allclose(best[name].numpy(), average, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(last[name].numpy(), history[-1][name].astype(np.float32))

    train_in_two(config_of_run(), tmp_path / "in_two", STEPS + 3)
    assert_same_weights(tmp_path / "in_two" / "best.th", tmp_path / "whole" / "best.th")
