"""Gradients of objectives and heads, for losses whose gradients are known constants."""

import math

import pytest
import torch
from torch import Tensor

from ner_adv_plugin.modules.gradient_reversal import reverse_gradient
from ner_adv_plugin.modules.towers import TowerStates
from ner_adv_plugin.training.callbacks.gradient_shares import GradientShares
from tests.modules.objectives.example import example


def states_of(*names: str) -> dict[str, TowerStates]:
    """Make tower states of zeros which, like those of a tower, are not leaves of the graph."""
    batch, _ = example()
    zeros = torch.zeros(4, 5, 1, requires_grad=True)
    return {name: TowerStates(zeros * 1.0, list(range(4)), batch) for name in names}


def linear_loss(states: dict[str, TowerStates], slope: float, name: str = "shared") -> Tensor:
    """Return a loss whose gradient is `slope` at each of the 20 states of a tower."""
    return slope * states[name].states_BLD.sum()


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_ratio_equals_that_of_the_slopes(scale: float) -> None:
    states, shares = states_of("shared"), GradientShares()
    views = shares.watched(0, states, ["shared"])
    other = shares.watched(1, states, ["shared"])
    reversed_BLD = reverse_gradient(views["shared"].states_BLD, scale)
    # The gradient of the second objective is part of neither norm.
    loss = (
        linear_loss(states, 8.0)
        + 4.0 * reversed_BLD.sum()
        + 100.0 * other["shared"].states_BLD.sum()
    )
    loss.backward()
    assert shares.ratio(0, ["shared"]) == pytest.approx(scale * 4 / 8)
    assert shares.ratio(1, ["shared"]) == pytest.approx(100 / 8)
    assert states["shared"].states_BLD is not views["shared"].states_BLD


def test_several_backward_passes_of_one_forward_pass() -> None:
    states, shares = states_of("shared"), GradientShares()
    views = shares.watched(0, states, ["shared"])
    linear_loss(states, 3.0).backward(retain_graph=True)
    linear_loss(states, 1.0).backward(retain_graph=True)
    linear_loss(views, 2.0).backward()
    # 3 + 1 at each state, not the norm of both.
    assert shares.ratio(0, ["shared"]) == pytest.approx(2 / 4)


def test_several_forward_passes_of_one_step() -> None:
    shares = GradientShares()
    for slope in (3.0, 4.0):
        states = states_of("shared")
        views = shares.watched(0, states, ["shared"])
        (linear_loss(states, slope) + linear_loss(views, 1.0)).backward()
    assert shares.ratio(0, ["shared"]) == pytest.approx(math.sqrt(2) / 5)


def test_only_towers_that_the_objective_reads_count() -> None:
    states, shares = states_of("shared", "weibo", "msra"), GradientShares()
    views = shares.watched(0, states, ["shared", "weibo"])
    assert views["msra"] is states["msra"]
    heads = (
        linear_loss(states, 3.0)
        + linear_loss(states, 4.0, "weibo")
        + linear_loss(states, 9.0, "msra")
    )
    (heads + linear_loss(views, 1.0) + linear_loss(views, 1.0, "weibo")).backward()
    assert shares.ratio(0, ["shared", "weibo"]) == pytest.approx(math.sqrt(2) / 5)


def test_no_gradient_of_heads() -> None:
    states, shares = states_of("shared"), GradientShares()
    assert shares.ratio(0, ["shared"]) is None
    linear_loss(shares.watched(0, states, ["shared"]), 1.0).backward()
    assert shares.ratio(0, ["shared"]) is None


def test_states_without_gradients_are_unchanged() -> None:
    states, shares = states_of("shared"), GradientShares()
    with torch.no_grad():
        states = {
            "shared": TowerStates(
                states["shared"].states_BLD * 1.0, [0, 1, 2, 3], states["shared"].batch
            )
        }
    assert shares.watched(0, states, ["shared"]) == states
