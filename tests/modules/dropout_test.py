"""Dropout that draws 16 random bits per element."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.modules.dropout import Dropout, dropout_factors, replace_dropout


@given(count=st.integers(0, 50), p=st.floats(0.001, 0.999))
def test_elements_are_dropped_or_scaled(count: int, p: float) -> None:
    factors = dropout_factors(count, p)
    assert factors.shape == (count,)
    # Kept elements are scaled by the inverse of their probability, 1 - p up to 0.5 / 65,536.
    largest = 1 / (1 - p - 0.5 / 65536)
    assert all(factor == 0 or 1 <= factor <= largest * (1 + 1e-6) for factor in factors.tolist())


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9])
def test_dropout_probability_and_mean(p: float) -> None:
    torch.manual_seed(0)
    count = 1_000_000
    factors = dropout_factors(count, p)
    # Five standard deviations, and the rounding of p.
    bound = 5 * math.sqrt(p * (1 - p) / count) + 1 / 65536
    assert abs((factors == 0).float().mean().item() - p) < bound
    assert abs(factors.double().mean().item() - 1) < bound / (1 - p)
    # Neighbours are independent, also the four elements that share one random 64-bit word.
    dropped = (factors == 0).double() - p
    for distance in (1, 2, 3, 4):
        covariance = (dropped[distance:] * dropped[:-distance]).mean().item()
        assert abs(covariance) < 5 * p * (1 - p) / math.sqrt(count)


def test_torch_generator_determines_the_factors() -> None:
    torch.manual_seed(3)
    first, second = dropout_factors(1000, 0.5), dropout_factors(1000, 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropout_factors(1000, 0.5), first) and not torch.equal(first, second)

    # A resumed run that restores the generator's state draws the same factors.
    state = torch.get_rng_state()
    third = dropout_factors(1000, 0.5)
    torch.set_rng_state(state)
    assert torch.equal(dropout_factors(1000, 0.5), third)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gradient_flows_through_kept_elements_only(dtype: torch.dtype) -> None:
    states = torch.randn(7, 11, dtype=dtype, requires_grad=True)
    out = Dropout(0.25)(states)
    assert out.dtype == dtype and out.shape == states.shape
    (gradient,) = torch.autograd.grad(out.sum(), states)
    torch.testing.assert_close(out, states * gradient)
    assert set(gradient.flatten().tolist()) == {0.0, torch.tensor(4 / 3).to(dtype).item()}


@pytest.mark.parametrize(("p", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_probabilities_zero_and_one(p: float, expected: float) -> None:
    assert (Dropout(p)(torch.ones(100)) == expected).all()


def test_identity_in_evaluation() -> None:
    states = torch.randn(100)
    assert torch.equal(Dropout(0.5).eval()(states), states)


def test_nested_plain_dropout_is_replaced() -> None:
    module = torch.nn.Sequential(
        torch.nn.Dropout(0.1), torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.2))
    )
    replace_dropout(module)
    found = [child for child in module.modules() if isinstance(child, torch.nn.Dropout)]
    assert [type(child) for child in found] == [Dropout, Dropout]
    assert [child.p for child in found] == [0.1, 0.2]
