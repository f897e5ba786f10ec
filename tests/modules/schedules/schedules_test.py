"""Schedules."""

import math

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.schedules import (
    ConstantSchedule,
    DannSchedule,
    LinearWarmupSchedule,
    Schedule,
)

PROGRESS = [0.0, 0.01, 0.25, 0.5, 1.0]


@pytest.mark.parametrize("progress", PROGRESS)
@pytest.mark.parametrize(("scale", "gamma"), [(1.0, 10.0), (0.1, 10.0), (2.0, 4.0)])
def test_dann_is_a_hyperbolic_tangent(progress: float, scale: float, gamma: float) -> None:
    # 2 / (1 + exp(-x)) - 1 = tanh(x / 2)
    assert DannSchedule(scale, gamma).at(progress) == pytest.approx(
        scale * math.tanh(gamma * progress / 2)
    )


def test_dann_values() -> None:
    schedule = DannSchedule()
    assert schedule.at(0.0) == 0.0
    assert schedule.at(0.1) == pytest.approx(0.462117, abs=1e-6)
    assert schedule.at(0.5) == pytest.approx(0.986614, abs=1e-6)
    assert schedule.at(1.0) == pytest.approx(0.999909, abs=1e-6)


@pytest.mark.parametrize("progress", PROGRESS)
def test_constant(progress: float) -> None:
    assert ConstantSchedule(0.3).at(progress) == 0.3


def test_constant_is_the_default_type() -> None:
    assert isinstance(Schedule.from_params({"scale": 0.5}), ConstantSchedule)
    dann = Schedule.from_params({"type": "dann", "scale": 0.5, "gamma": 3})
    assert isinstance(dann, DannSchedule) and (dann.scale, dann.gamma) == (0.5, 3.0)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(0.0, 0.0), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.7, 0.4), (1, 0.4)],
)
def test_linear_warmup_rises_linearly_then_stays_constant(progress: float, expected: float) -> None:
    schedule = Schedule.from_params({"type": "linear_warmup", "scale": 0.4, "warmup": 0.2})
    assert isinstance(schedule, LinearWarmupSchedule) and schedule.at(progress) == pytest.approx(
        expected
    )


@pytest.mark.parametrize("warmup", [0.0, -0.1, 1.5])
def test_linear_warmup_out_of_range(warmup: float) -> None:
    with pytest.raises(
        ConfigurationError, match="warmup: expected a fraction above 0 and at most 1"
    ):
        Schedule.from_params({"type": "linear_warmup", "warmup": warmup})
