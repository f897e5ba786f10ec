"""The learning-rate range test on a trainer with predefined losses."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.training.learning_rate_search import (
    Curve,
    RangeTest,
    draw,
    search_learning_rate,
    smooth,
    write_table,
)
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


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.floats(0.3, 8))
def test_smoothing_is_a_weighted_mean(values: list[float], deviation: float) -> None:
    for i, smoothed in enumerate(smooth(np.array(values), deviation)):
        near = [j for j in range(len(values)) if abs(i - j) <= math.ceil(3 * deviation)]
        weights = [math.exp(-((i - j) ** 2) / (2 * deviation**2)) for j in near]
        mean = math.fsum(w * values[j] for w, j in zip(weights, near, strict=True)) / math.fsum(
            weights
        )
        assert smoothed == pytest.approx(mean, rel=1e-9, abs=1e-6)


def curve_of(
    losses: NDArray[np.float64], rates: NDArray[np.float64], linear: bool = False
) -> Curve:
    return Curve(rates, losses, losses, linear)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("centre", [0.2, 0.5])
def test_the_suggestion_is_the_rate_of_steepest_descent(linear: bool, centre: float) -> None:
    """A logistic curve is steepest at its centre; steeper parts after the minimum are ignored."""
    share = np.linspace(0, 1, 201)
    losses = 1 / (1 + np.exp(20 * (share - centre)))
    losses[190:195], losses[195:] = 50, 0.5
    rates = 0.001 + share if linear else 10 ** (-5 + 5 * share)
    expected = 0.001 + centre if linear else 10 ** (-5 + 5 * centre)
    assert curve_of(losses, rates, linear).suggestion() == pytest.approx(expected, rel=1e-6)


def test_no_suggestion_if_the_loss_never_falls() -> None:
    assert curve_of(np.linspace(1, 9, 20), np.geomspace(1, 2, 20)).suggestion() is None


def test_the_table(tmp_path: Path) -> None:
    curve = Curve(np.array([0.1, 1 / 3]), np.array([2.5, 1e-7]), np.array([2.0, 1.0]), False)
    write_table(curve, tmp_path / "table.csv")
    with open(tmp_path / "table.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["learning_rate", "loss", "smoothed_loss"]
    assert [[float(value) for value in row] for row in rows] == [
        [0.1, 2.5, 2.0],
        [1 / 3, 1e-7, 1.0],
    ]


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("run_away", [False, True])
def test_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linear: bool, run_away: bool
) -> None:
    drawn: list[Figure] = []
    save = Figure.savefig

    def savefig(figure: Figure, *arguments: Any, **settings: Any) -> None:
        drawn.append(figure)
        save(figure, *arguments, **settings)

    monkeypatch.setattr(Figure, "savefig", savefig)
    losses = np.array([8.0, 7, 5, 4, 3, 6, 1e5 if run_away else 7])
    curve = curve_of(losses, np.geomspace(1e-4, 1, 7), linear)
    draw(curve, tmp_path / "lr.png")
    assert imread(tmp_path / "lr.png").shape == (600, 960, 4)
    (axes,) = drawn[0].axes
    assert axes.get_xscale() == ("linear" if linear else "log")
    assert "learning rate" in axes.get_xlabel() and "loss" in axes.get_ylabel()
    raw, smoothed, line = axes.get_lines()
    assert raw.get_xdata() is not None and np.array_equal(np.asarray(raw.get_ydata()), losses)
    assert np.array_equal(np.asarray(smoothed.get_xdata()), curve.rates)
    suggestion = curve.suggestion()
    assert list(np.asarray(line.get_xdata())) == [suggestion, suggestion]
    assert f"{suggestion:.2g}" in str(line.get_label())
    low, high = axes.get_ylim()
    assert low < 3 and 8 < high < 12


def test_a_picture_of_a_loss_that_only_grows(tmp_path: Path) -> None:
    draw(curve_of(np.linspace(1, 9, 20), np.geomspace(1, 2, 20)), tmp_path / "lr.png")
    picture = imread(tmp_path / "lr.png")
    assert picture.min() < 0.5 < picture.max()
