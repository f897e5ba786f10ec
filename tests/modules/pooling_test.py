"""Pooling."""

import pytest
import torch

from ner_adv_plugin.modules.pooling import POOLING, max_pool, mean_pool
from tests.modules.examples import prefix_mask

LENGTHS = [5, 3, 1]


@pytest.mark.parametrize("name", list(POOLING))
@pytest.mark.parametrize("padding", [0.0, 1e4, -1e4, float("inf"), float("nan")])
def test_padding_has_no_influence(name: str, padding: float) -> None:
    torch.manual_seed(0)
    mask = prefix_mask(LENGTHS)
    # All states below zero: a maximum over zeros of padding would be zero.
    states = -torch.rand(3, 5, 4) - 1
    pooled = POOLING[name](states.masked_fill(~mask[..., None], padding), mask)
    for row, length in enumerate(LENGTHS):
        real = states[row, :length]
        expected = real.max(0).values if name == "max" else real.mean(0)
        assert torch.allclose(pooled[row], expected)


def test_gradient_of_the_maximum_reaches_the_largest_state_only() -> None:
    states = torch.tensor([[[1.0, -1.0], [2.0, -3.0], [9.0, 9.0]]], requires_grad=True)
    max_pool(states, prefix_mask([2, 3])[:1]).backward(torch.tensor([[5.0, 7.0]]))
    assert states.grad is not None
    assert states.grad.tolist() == [[[0.0, 7.0], [5.0, 0.0], [0.0, 0.0]]]


def test_gradient_of_the_mean_is_shared_by_real_states() -> None:
    states = torch.randn(1, 3, 1, requires_grad=True)
    mean_pool(states, prefix_mask([2, 3])[:1]).backward(torch.tensor([[6.0]]))
    assert states.grad is not None and states.grad.flatten().tolist() == [3.0, 3.0, 0.0]
