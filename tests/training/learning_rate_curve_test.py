"""Smoothing, suggestion, table and plot of a learning-rate range test."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from ner_adv_plugin.training.learning_rate_curve import Curve, draw, smooth, write_table


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
