"""The learning-rate range test on a trainer with predefined losses."""

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.training.learning_rate_curve import Curve
from ner_adv_plugin.training.learning_rate_search import RangeTest, search_learning_rate
from ner_adv_plugin.training.trainer import Trainer


class ScriptedTrainer:
    """A trainer with two parameter groups and predefined losses.

    It records the learning rates of both groups and the batches of every step.
    """

    def __init__(
        self, losses: Sequence[float], epochs: Sequence[int] = (7,), accumulation: int = 1
    ) -> None:
        self.losses = iter(losses)
        self.model = torch.nn.Linear(2, 2).eval()
        groups = [{"params": [self.model.bias], "lr": 0.001}, {"params": [self.model.weight]}]
        self.optimizer = torch.optim.SGD(groups, lr=0.02)
        self.data_loader = SimpleNamespace(
            plan=lambda epoch, _: [
                f"{epoch}.{i}" for i in range(epochs[min(epoch, len(epochs) - 1)])
            ]
        )
        self.accumulation = accumulation
        self.total_steps = 10
        self.num_epochs = 2
        self.max_steps = None
        self.rates: list[tuple[float, float]] = []
        self.groups: list[list[str]] = []

    plan_steps = Trainer.plan_steps

    def train_step(self, group: Sequence[Any]) -> dict[str, Any]:
        assert self.model.training
        self.rates.append(tuple(settings["lr"] for settings in self.optimizer.param_groups))  # type: ignore[arg-type]
        self.groups.append(list(group))
        return {"loss": (torch.tensor(next(self.losses)), 1), "steps": (2, 1)}


def search(trainer: ScriptedTrainer, test: RangeTest) -> Curve:
    return search_learning_rate(cast(Trainer, trainer), test)


def falling(steps: int) -> list[float]:
    return [float(value) for value in np.linspace(5, 1, steps)]


@pytest.mark.parametrize("linear", [False, True])
def test_rates_increase_and_groups_keep_their_ratio(linear: bool) -> None:
    trainer = ScriptedTrainer(falling(21))
    curve = search(trainer, RangeTest(1e-4, 1.0, 21, linear))
    shares = [i / 20 for i in range(21)]
    expected = [
        1e-4 + share * (1.0 - 1e-4) if linear else 10 ** (-4 + 4 * share) for share in shares
    ]
    np.testing.assert_allclose(curve.rates, expected, rtol=1e-12)
    np.testing.assert_allclose([main for _, main in trainer.rates], expected, rtol=1e-12)
    np.testing.assert_allclose([first / main for first, main in trainer.rates], 1 / 20, rtol=1e-12)
    np.testing.assert_allclose(curve.losses, falling(21), rtol=1e-6)
    assert trainer.total_steps == 21


def test_more_epochs_are_planned_and_steps_take_groups_of_batches() -> None:
    trainer = ScriptedTrainer(falling(12), epochs=[5, 2], accumulation=2)
    search(trainer, RangeTest(steps=12))
    first = [["0.0", "0.1"], ["0.2", "0.3"], ["0.4"]]
    assert trainer.groups == first + [[f"{epoch}.0", f"{epoch}.1"] for epoch in range(1, 10)]


@pytest.mark.parametrize(
    ("losses", "factor", "kept"),
    [
        ([4, 2, 9, 3, 8, 8.1, *[1] * 20], None, 20),
        ([4, 2, 3, 4, 3.9, 8.5, *[1] * 20], 4.0, 5),
        ([4, 2, 8, *[7.9] * 20], 4.0, 20),
        ([4, 3, math.nan, *[1] * 20], None, 2),
        ([4, 3, 2, math.inf, *[1] * 20], 4.0, 3),
        ([4, 3, 2, 1, 1e300 * 10, *[1] * 20], None, 20),
    ],
)
def test_stopping(losses: list[float], factor: float | None, kept: int) -> None:
    trainer = ScriptedTrainer([])
    trainer.losses = iter(losses)
    trainer.train_step = lambda group: {"loss": (next(trainer.losses), 1)}  # type: ignore[method-assign]
    curve = search(trainer, RangeTest(steps=20, stopping_factor=factor))
    assert curve.losses.tolist() == losses[:kept]
    assert len(curve.rates) == len(curve.smoothed) == kept
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-5, 10, 20)[:kept])


def test_a_search_that_stops_at_once_is_an_error() -> None:
    with pytest.raises(UserError, match="at learning rate 0.5: start with a lower one"):
        search(ScriptedTrainer([1.0, math.nan]), RangeTest(start=0.5))


@pytest.mark.parametrize("rate", [0.0, None])
def test_an_optimizer_without_a_learning_rate_is_an_error(rate: float | None) -> None:
    trainer = ScriptedTrainer([])
    trainer.optimizer.defaults["lr"] = rate
    with pytest.raises(UserError, match="trainer.optimizer.lr: expected a learning rate above 0"):
        search(trainer, RangeTest())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": 0.0}, "expected learning rates 0 < start < end, found 0 and 10"),
        ({"start": 1.0, "end": 1.0}, "found 1 and 1"),
        ({"end": math.inf}, "found 1e-05 and inf"),
        ({"end": math.nan}, "found 1e-05 and nan"),
        ({"steps": 10}, "expected 11 batches or more, found 10"),
        ({"stopping_factor": 1.0}, "expected a stopping factor above 1, found 1"),
        ({"stopping_factor": math.nan}, "expected a stopping factor above 1, found nan"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RangeTest(**settings)
