"""Dropout by 16 random bits an element."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.modules.dropout import Dropout, draw_cheaply, kept


@given(count=st.integers(0, 50), p=st.floats(0.001, 0.999))
def test_elements_are_dropped_or_scaled(count: int, p: float) -> None:
    factors = kept(count, p)
    assert factors.shape == (count,)
    # What is kept is scaled by the inverse of the chance to be kept, which is 1 - p to half of a 65,536th.
    largest = 1 / (1 - p - 0.5 / 65536)
    assert all(factor == 0 or 1 <= factor <= largest * (1 + 1e-6) for factor in factors.tolist())


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9])
def test_the_share_dropped_and_the_mean(p: float) -> None:
    torch.manual_seed(0)
    count = 1_000_000
    factors = kept(count, p)
    # Five standard deviations, and what is rounded of p.
    bound = 5 * math.sqrt(p * (1 - p) / count) + 1 / 65536
    assert abs((factors == 0).float().mean().item() - p) < bound
    assert abs(factors.double().mean().item() - 1) < bound / (1 - p)
    # Neither neighbours nor the four that share a random word know of each other.
    dropped = (factors == 0).double() - p
    for distance in (1, 2, 3, 4):
        assert abs((dropped[distance:] * dropped[:-distance]).mean().item()) < 5 * p * (
            1 - p
        ) / math.sqrt(count)


def test_torchs_generator_decides() -> None:
    torch.manual_seed(3)
    first, second = kept(1000, 0.5), kept(1000, 0.5)
    torch.manual_seed(3)
    assert torch.equal(kept(1000, 0.5), first) and not torch.equal(first, second)
    # Where torch's generator stands, a resumed run goes on.
    state = torch.get_rng_state()
    third = kept(1000, 0.5)
    torch.set_rng_state(state)
    assert torch.equal(kept(1000, 0.5), third)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_gradient_is_that_of_what_is_kept(dtype: torch.dtype) -> None:
    states = torch.randn(7, 11, dtype=dtype, requires_grad=True)
    out = Dropout(0.25)(states)
    assert out.dtype == dtype and out.shape == states.shape
    (gradient,) = torch.autograd.grad(out.sum(), states)
    torch.testing.assert_close(out, states * gradient)
    assert set(gradient.flatten().tolist()) == {0.0, torch.tensor(4 / 3).to(dtype).item()}


@pytest.mark.parametrize(("p", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_all_or_nothing(p: float, expected: float) -> None:
    assert (Dropout(p)(torch.ones(100)) == expected).all()


def test_nothing_is_dropped_in_evaluation() -> None:
    states = torch.randn(100)
    assert torch.equal(Dropout(0.5).eval()(states), states)


def test_plain_dropout_is_replaced_however_deep() -> None:
    module = torch.nn.Sequential(
        torch.nn.Dropout(0.1), torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.2))
    )
    draw_cheaply(module)
    found = [child for child in module.modules() if isinstance(child, torch.nn.Dropout)]
    assert [type(child) for child in found] == [Dropout, Dropout] and [
        child.p for child in found
    ] == [0.1, 0.2]
