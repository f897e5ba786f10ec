"""Schedules of the reversal's scale."""

import math

import pytest

from ner_adv_plugin.modules.reversal import ConstantReversal, DannReversal, ReversalSchedule

PROGRESS = [0.0, 0.01, 0.25, 0.5, 1.0]


@pytest.mark.parametrize("progress", PROGRESS)
@pytest.mark.parametrize(("scale", "gamma"), [(1.0, 10.0), (0.1, 10.0), (2.0, 4.0)])
def test_dann_is_a_hyperbolic_tangent(progress: float, scale: float, gamma: float) -> None:
    # 2 / (1 + exp(-x)) - 1 = tanh(x / 2)
    assert DannReversal(scale, gamma).at(progress) == pytest.approx(scale * math.tanh(gamma * progress / 2))


def test_dann_values() -> None:
    schedule = DannReversal()
    assert schedule.at(0.0) == 0.0
    assert schedule.at(0.1) == pytest.approx(0.462117, abs=1e-6)
    assert schedule.at(0.5) == pytest.approx(0.986614, abs=1e-6)
    assert schedule.at(1.0) == pytest.approx(0.999909, abs=1e-6)


@pytest.mark.parametrize("progress", PROGRESS)
def test_constant_stays(progress: float) -> None:
    assert ConstantReversal(0.3).at(progress) == 0.3


def test_constant_is_the_default_type() -> None:
    assert isinstance(ReversalSchedule.from_params({"scale": 0.5}), ConstantReversal)
    dann = ReversalSchedule.from_params({"type": "dann", "scale": 0.5, "gamma": 3})
    assert isinstance(dann, DannReversal) and (dann.scale, dann.gamma) == (0.5, 3.0)
