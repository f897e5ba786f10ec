"""Attacks against known values, and their invariants."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.training.steps.attacks import (
    Attack,
    FastGradientMethod,
    ProjectedGradientDescent,
)

# Two sentences of two positions and embedding size 2; the second sentence has zero gradient.
GRADIENT = torch.tensor([[[3.0, 0.0], [0.0, -4.0]], [[0.0, 0.0], [0.0, 0.0]]])
ZEROS = torch.zeros_like(GRADIENT)


def along(attack: Attack, gradient: Tensor) -> Tensor:
    """Run an attack on a loss with constant gradient."""
    delta = torch.zeros_like(gradient)
    for _ in range(attack.steps):
        delta = attack.move(delta, gradient)
    return delta


def norms(delta: Tensor, norm: str) -> Tensor:
    order = 2 if norm == "l2" else float("inf")
    return torch.stack([torch.linalg.vector_norm(sentence, order) for sentence in delta])


def test_fgm_by_hand() -> None:
    # ||(3, 0, 0, -4)|| = 5: epsilon 2 makes (1.2, 0, 0, -1.6).
    l2 = torch.tensor([[[1.2, 0.0], [0.0, -1.6]], [[0.0, 0.0], [0.0, 0.0]]])
    assert_close(FastGradientMethod(2.0).move(ZEROS, GRADIENT), l2)
    linf = torch.tensor([[[2.0, 0.0], [0.0, -2.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert_close(FastGradientMethod(2.0, "linf").move(ZEROS, GRADIENT), linf)


def test_pgd_by_hand() -> None:
    # A step along the first axis, (0.8, 0), then one along the second, (0.8, 0.8), of norm 1.131.
    attack = ProjectedGradientDescent(1.0, steps=2, step_size=0.8)
    first = attack.move(torch.zeros(1, 1, 2), torch.tensor([[[7.0, 0.0]]]))
    assert_close(first, torch.tensor([[[0.8, 0.0]]]))
    second = attack.move(first, torch.tensor([[[0.0, 0.1]]]))
    assert_close(second, torch.full((1, 1, 2), 0.5**0.5))
    attack = ProjectedGradientDescent(1.0, "linf", steps=2, step_size=0.8)
    moved = attack.move(torch.tensor([[[0.5, -0.5]]]), torch.tensor([[[0.1, 9.0]]]))
    assert_close(moved, torch.tensor([[[1.0, 0.3]]]))


def test_default_steps_reach_the_boundary() -> None:
    attack = ProjectedGradientDescent(epsilon=2.0, steps=5)
    assert attack.step_size == 1.0
    assert_close(along(attack, GRADIENT), along(FastGradientMethod(2.0), GRADIENT))


@given(
    st.integers(0, 2**31),
    st.floats(0.01, 10),
    st.integers(1, 4),
    st.floats(0.01, 10),
    st.sampled_from(["l2", "linf"]),
)
def test_sentences_stay_in_their_balls(
    seed: int, epsilon: float, steps: int, step_size: float, norm: Any
) -> None:
    generator = torch.Generator().manual_seed(seed)
    attack = ProjectedGradientDescent(epsilon, norm, steps, step_size)
    delta = torch.zeros(3, 4, 2)
    for _ in range(steps):
        gradient = torch.randn(3, 4, 2, generator=generator)
        moved = attack.move(delta, gradient)
        assert (norms(moved, norm) <= epsilon * (1 + 1e-5)).all()
        # Scaled gradients, as in fp16, and other sentences of the batch do not matter.
        assert_close(attack.move(delta, 1024 * gradient), moved)
        assert_close(attack.move(delta[1:2], gradient[1:2]), moved[1:2])
        delta = moved
    assert (
        norms(along(attack, gradient), norm) >= min(epsilon, steps * step_size) * (1 - 1e-4)
    ).all()


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"type": "fgm", "epsilon": 0}, "attack.epsilon"),
        ({"type": "pgd", "steps": 0}, "attack.steps"),
        ({"type": "pgd", "step_size": -1.0}, "attack.step_size"),
        ({"type": "fgm", "steps": 3}, "attack.steps"),
        ({"type": "pgd", "norm": "l1"}, "attack.norm"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(Attack, settings, "attack")
    assert error.value.path == path
