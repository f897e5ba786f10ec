"""Operations of the floor, compared with torch's FLOP counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel

from benchmarks.floor import FORWARD_AND_BACKWARD, encoder_flops, lstm_flops, matrix_products


@pytest.fixture
def bert() -> BertModel:
    config = BertConfig(
        vocab_size=30,
        hidden_size=12,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=20,
    )
    config._attn_implementation = "eager"  # torch counts each of its products
    return BertModel(config, add_pooling_layer=False).eval()


def counted(call) -> int:
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


@pytest.mark.parametrize("length", [1, 7])
def test_encoder(bert, length):
    ids = torch.ones(2, length, dtype=torch.long)
    expected = counted(lambda: bert(inputs_embeds=bert.get_input_embeddings()(ids)))
    assert encoder_flops(bert.config, [length, length]) == expected


def test_backward_costs_twice_forward(bert):
    embedded = torch.randn(2, 5, 12, requires_grad=True)
    forward = encoder_flops(bert.config, [5, 5])
    assert counted(lambda: bert(inputs_embeds=embedded).last_hidden_state.sum().backward()) == (
        FORWARD_AND_BACKWARD * forward
    )


def test_lstm():
    # In both directions, four gates with one product of the input and one of the previous state.
    weights = sum(
        p.numel()
        for n, p in torch.nn.LSTM(12, 5, bidirectional=True).named_parameters()
        if "weight" in n
    )
    assert lstm_flops(12, 5, 7) == 2 * weights * 7


def test_matrix_products(bert):
    multiply, flops = matrix_products(bert.config, 6)
    assert counted(multiply) == flops
