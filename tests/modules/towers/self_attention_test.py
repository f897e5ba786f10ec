"""Tower with self-attention."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers import SelfAttention
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
