"""Self-attention on top of a tower."""

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
    made = tower_of({"type": "self_attention", "tower": LSTM, "num_heads": heads})
    assert isinstance(made, SelfAttention)
    torch.nn.init.normal_(made.attention.in_proj_bias)
    torch.nn.init.normal_(made.attention.out_proj.bias)
    return made


def by_hand(made: SelfAttention, states_LD: Tensor) -> Tensor:
    """Softmax(Q K^T / sqrt(size)) V of every head, side by side, projected; a sequence without padding."""
    size = states_LD.shape[1]
    weights, biases = (
        made.attention.in_proj_weight.split(size),
        made.attention.in_proj_bias.split(size),
    )
    query, key, value = (states_LD @ w.T + b for w, b in zip(weights, biases, strict=True))
    width = size // made.attention.num_heads
    heads = []
    for start in range(0, size, width):
        q, k, v = (part[:, start : start + width] for part in (query, key, value))
        heads.append(torch.stack([((k @ x) / math.sqrt(width)).softmax(0) @ v for x in q]))
    return torch.cat(heads, 1) @ made.attention.out_proj.weight.T + made.attention.out_proj.bias


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_states_are_attended_to(heads: int) -> None:
    made, mask = tower(heads), prefix_mask(LENGTHS)
    inputs = torch.randn(3, 5, 6)
    with torch.no_grad():
        attended = made(inputs, mask)
        for sequence, length in enumerate(LENGTHS):
            states = made.tower(
                inputs[sequence : sequence + 1, :length], mask[sequence : sequence + 1, :length]
            )[0]
            assert_close(attended[sequence, :length], by_hand(made, states), rtol=1e-4, atol=1e-5)
    assert (made.get_input_dim(), made.get_output_dim(), made.is_bidirectional()) == (6, 8, True)


def test_its_tower_is_a_bidirectional_lstm_by_default() -> None:
    assert tower_of({"type": "self_attention"}).get_output_dim() == 256


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_divide_the_states(heads: int) -> None:
    with pytest.raises(
        ConfigurationError, match=f"model.tower.num_heads: expected a divisor of 8, .*found {heads}"
    ):
        tower(heads)
