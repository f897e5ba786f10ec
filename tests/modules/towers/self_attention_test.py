"""Tower with self-attention."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers import SelfAttention
from ner_adv_plugin.modules.towers.self_attention import RectifiedAttention
from tests.modules.examples import prefix_mask
from tests.modules.towers.tower_test import tower_of

LENGTHS = [5, 3, 1]
LSTM = {"type": "lstm", "hidden_size": 4, "bidirectional": True}


def tower(heads: int = 2) -> SelfAttention:
    attention_tower = tower_of({"type": "self_attention", "tower": LSTM, "num_heads": heads})
    assert isinstance(attention_tower, SelfAttention)
    torch.nn.init.normal_(attention_tower.attention.in_proj_bias)
    torch.nn.init.normal_(attention_tower.attention.out_proj.bias)
    return attention_tower


def by_hand(attention_tower: SelfAttention, states_LD: Tensor) -> Tensor:
    """Projection of the concatenated softmax(Q K^T / sqrt(size)) V of all heads.

    For one sequence without padding.
    """
    size = states_LD.shape[1]
    weights = attention_tower.attention.in_proj_weight.split(size)
    biases = attention_tower.attention.in_proj_bias.split(size)
    query, key, value = (states_LD @ w.T + b for w, b in zip(weights, biases, strict=True))
    width = size // attention_tower.attention.num_heads
    heads = []
    for start in range(0, size, width):
        q, k, v = (tensor[:, start : start + width] for tensor in (query, key, value))
        heads.append(torch.stack([((k @ x) / math.sqrt(width)).softmax(0) @ v for x in q]))
    return (
        torch.cat(heads, 1) @ attention_tower.attention.out_proj.weight.T
        + attention_tower.attention.out_proj.bias
    )


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_attention_over_states_of_the_tower(heads: int) -> None:
    attention_tower, mask = tower(heads), prefix_mask(LENGTHS)
    inputs = torch.randn(3, 5, 6)
    with torch.no_grad():
        attended = attention_tower(inputs, mask)
        for sequence, length in enumerate(LENGTHS):
            states = attention_tower.tower(
                inputs[sequence : sequence + 1, :length], mask[sequence : sequence + 1, :length]
            )[0]
            assert_close(
                attended[sequence, :length], by_hand(attention_tower, states), rtol=1e-4, atol=1e-5
            )
    assert (
        attention_tower.get_input_dim(),
        attention_tower.get_output_dim(),
        attention_tower.is_bidirectional(),
    ) == (6, 8, True)


def test_default_tower_is_a_bidirectional_lstm() -> None:
    assert tower_of({"type": "self_attention"}).get_output_dim() == 256


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_must_divide_the_state_size(heads: int) -> None:
    with pytest.raises(
        ConfigurationError, match=f"model.tower.num_heads: expected a divisor of 8, .*found {heads}"
    ):
        tower(heads)


def published() -> SelfAttention:
    attention_tower = tower_of(
        {
            "type": "self_attention",
            "tower": LSTM,
            "num_heads": 2,
            "activation": "relu",
            "residual": True,
            "layer_norm": True,
        }
    )
    assert isinstance(attention_tower, SelfAttention)
    return attention_tower


def test_attention_of_the_published_code() -> None:
    """Relu on Q, K and V, the states added, normalised; no output projection."""
    attention_tower, mask = published(), prefix_mask(LENGTHS)
    attention, norm = attention_tower.attention, attention_tower.norm
    assert isinstance(attention, RectifiedAttention) and norm is not None
    for parameter in (attention.projection.bias, norm.weight, norm.bias):
        torch.nn.init.normal_(parameter)
    inputs = torch.randn(3, 5, 6)
    with torch.no_grad():
        found = attention_tower(inputs, mask)
        for sequence, length in enumerate(LENGTHS):
            (states,) = attention_tower.tower(
                inputs[sequence : sequence + 1, :length], mask[sequence : sequence + 1, :length]
            )
            weights, biases = (
                attention.projection.weight.split(8),
                attention.projection.bias.split(8),
            )
            q, k, v = (
                (states @ w.T + b).clamp(min=0) for w, b in zip(weights, biases, strict=True)
            )
            heads = [
                torch.stack([((k[:, part] @ x) / 2.0).softmax(0) @ v[:, part] for x in q[:, part]])
                for part in (slice(0, 4), slice(4, 8))
            ]
            added = torch.cat(heads, 1) + states
            centred = added - added.mean(1, keepdim=True)
            normal = centred / (centred.square().mean(1, keepdim=True) + norm.eps).sqrt()
            assert_close(
                found[sequence, :length], normal * norm.weight + norm.bias, rtol=1e-4, atol=1e-5
            )


def test_the_characters_of_a_sentence_stay_apart() -> None:
    inputs, mask = torch.randn(1, 30, 6), prefix_mask([30])
    with torch.no_grad():
        spread = published().tower(inputs, mask).std(1).mean()
        plain, added = tower()(inputs, mask).std(1).mean(), published()(inputs, mask).std(1).mean()
    assert plain < 0.1 * spread < spread < added


def test_dropout_of_the_attention_weights() -> None:
    attention_tower = published()
    assert isinstance(attention_tower.attention, RectifiedAttention)
    attention_tower.attention.dropout = 0.5
    inputs, mask = torch.randn(1, 8, 6), prefix_mask([8])
    states = [attention_tower.train(mode)(inputs, mask) for mode in (True, True, False, False)]
    assert not torch.equal(states[0], states[1]) and torch.equal(states[2], states[3])
