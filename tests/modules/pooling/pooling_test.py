"""Poolings."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.modules.pooling import (
    LazyPooling,
    MaxPooling,
    MeanPooling,
    Pooling,
    SelfAttentionPooling,
    build_pooling,
)
from tests.modules.examples import prefix_mask

LENGTHS = [5, 3, 1]
CONFIGS: list[Any] = [
    "max",
    "mean",
    "self_attention",
    {"type": "self_attention", "hidden_size": 3, "hops": 2},
]


def pooling_of(config: Any) -> Pooling:
    torch.manual_seed(0)
    return build_pooling(bind(LazyPooling, config, "pooling").build({}), 4)


def by_hand(pooling: Pooling, real_LD: Tensor) -> Tensor:
    """Pooled vector of one sequence without padding."""
    if isinstance(pooling, SelfAttentionPooling):
        vectors = []
        for scores in pooling.scores.weight:
            logits = torch.stack(
                [scores @ torch.tanh(pooling.hidden.weight @ state) for state in real_LD]
            )
            weights = logits.exp() / logits.exp().sum()
            vectors.append(
                sum((w * state for w, state in zip(weights, real_LD, strict=True)), torch.zeros(4))
            )
        return torch.cat(vectors)
    if isinstance(pooling, MaxPooling):
        return real_LD.max(0).values
    return real_LD.sum(0) / len(real_LD)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("padding", [0.0, 1e4, -1e4, float("inf"), float("nan")])
def test_padding_has_no_effect(config: Any, padding: float) -> None:
    pooling = pooling_of(config)
    mask = prefix_mask(LENGTHS)
    # All states are negative, so that zeros at padding would change the maximum.
    states = (-torch.rand(3, 5, 4) - 1).requires_grad_()
    pooled = pooling(states.masked_fill(~mask[..., None], padding), mask)
    assert pooled.shape == (3, pooling.get_output_dim())
    for sequence, length in enumerate(LENGTHS):
        assert_close(pooled[sequence], by_hand(pooling, states[sequence, :length]))
    pooled.sum().backward()
    assert states.grad is not None and states.grad.isfinite().all() and not states.grad[~mask].any()
    assert all(
        p.grad is not None and p.grad.isfinite().all() and p.grad.any()
        for p in pooling.parameters()
    )


def test_max_is_the_default() -> None:
    assert isinstance(build_pooling(None, 4), MaxPooling) and isinstance(pooling_of({}), MaxPooling)


def test_gradient_of_the_maximum_reaches_the_largest_state_only() -> None:
    states = torch.tensor([[[1.0, -1.0], [2.0, -3.0], [9.0, 9.0]]], requires_grad=True)
    MaxPooling(2)(states, prefix_mask([2, 3])[:1]).backward(torch.tensor([[5.0, 7.0]]))
    assert states.grad is not None
    assert states.grad.tolist() == [[[0.0, 7.0], [5.0, 0.0], [0.0, 0.0]]]


def test_gradient_of_the_mean_is_distributed_over_characters() -> None:
    states = torch.randn(1, 3, 1, requires_grad=True)
    MeanPooling(1)(states, prefix_mask([2, 3])[:1]).backward(torch.tensor([[6.0]]))
    assert states.grad is not None and states.grad.flatten().tolist() == [3.0, 3.0, 0.0]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_an_empty_sequence_has_a_vector_of_zeros_and_no_gradient(config: Any) -> None:
    pooling = pooling_of(config)
    mask = prefix_mask([3, 0])
    states = torch.full((2, 3, 4), float("nan"))
    states[0] = torch.rand(3, 4)
    states.requires_grad_()
    pooled = pooling(states, mask)
    assert pooled.isfinite().all() and not pooled[1].any()
    pooled.sum().backward()
    gradients = [states.grad, *(parameter.grad for parameter in pooling.parameters())]
    assert all(own is not None and own.isfinite().all() for own in gradients)
    assert states.grad is not None and not states.grad[1].any() and states.grad[0].any()
