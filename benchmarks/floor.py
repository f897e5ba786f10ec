"""The floor of a step: the time of its unavoidable arithmetic at the machine's matrix rate."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import BertConfig

from benchmarks.models import encoder_of
from ner_adv_plugin.models import SharingModel

# One product per weight in the forward pass, two in the backward pass: for the gradients of the
# inputs and of the weights.
FORWARD_AND_BACKWARD = 3


def encoder_flops(config: BertConfig, lengths: Sequence[int]) -> int:
    """Return the operations of a BERT's forward pass.

    # Parameters

    config : the config of the transformer.
    lengths : the number of tokens of every sentence, special tokens included.
    """
    width, inner = config.hidden_size, config.intermediate_size
    # Query, key, value, output, and two feed-forward layers: two operations per weight and token.
    linear = 2 * (4 * width * width + 2 * width * inner) * sum(lengths)
    # The scores, and the weighted mean of the values.
    attention = sum(2 * 2 * width * n * n for n in lengths)
    return config.num_hidden_layers * (linear + attention)


def lstm_flops(input_size: int, hidden_size: int, characters: int) -> int:
    """Return the operations of a bidirectional LSTM's forward pass.

    Each direction has four gates, which depend on the input and on the previous state.
    """
    return 2 * 2 * 4 * hidden_size * (input_size + hidden_size) * characters


def step_flops(
    model: SharingModel, lengths: Sequence[int], hidden_size: int, towers_read: int = 2
) -> int:
    """Return the operations of a training step, not counting padding.

    # Parameters

    model : a model with a BERT encoder, which adds two special tokens to every sentence.
    lengths : the number of characters of every sentence.
    hidden_size : units of a tower in each direction.
    towers_read : the number of towers that run over each sentence.
    """
    config = encoder_of(model).transformer.config
    encoder = encoder_flops(config, [length + 2 for length in lengths])
    towers = towers_read * lstm_flops(config.hidden_size, hidden_size, sum(lengths))
    return FORWARD_AND_BACKWARD * (encoder + towers)


def matrix_products(
    config: BertConfig,
    tokens: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    product: Callable[[Tensor, Tensor], Tensor] = torch.mm,
) -> tuple[Callable[[], None], int]:
    """Prepare the matrix products of one encoder layer, to measure the machine's rate.

    # Parameters

    config : the config of the transformer.
    tokens : the number of tokens.
    device, dtype : of the matrices.
    product : computes the product of two matrices.

    # Returns

    A function that computes the products, and the number of their operations.
    """
    width, inner = config.hidden_size, config.intermediate_size
    shapes = [(width, width)] * 4 + [(width, inner), (inner, width)]
    pairs = [
        (
            torch.randn(tokens, inputs, device=device, dtype=dtype),
            torch.randn(inputs, outputs, device=device, dtype=dtype),
        )
        for inputs, outputs in shapes
    ]

    def multiply() -> None:
        for left, right in pairs:
            product(left, right)

    return multiply, 2 * tokens * sum(inputs * outputs for inputs, outputs in shapes)
