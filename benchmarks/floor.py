"""The floor: how long the arithmetic that cannot be avoided takes at the machine's rate of matrix products."""

from collections.abc import Callable, Sequence

import torch
from transformers import BertConfig

from benchmarks.models import encoder_of
from ner_adv_plugin.models import SharingModel

# Forward is one product a weight, backward two: by the inputs and by the weights.
BACKWARD_AND_FORWARD = 3


def encoder_flops(config: BertConfig, lengths: Sequence[int]) -> int:
    """Operations of a BERT's forward pass over sentences of so many pieces, special ones included.

    # Parameters

    config : the transformer's.
    lengths : pieces of every sentence.
    """
    width, inner = config.hidden_size, config.intermediate_size
    # Query, key, value and output; two layers of the feed-forward part. Two operations a weight and piece.
    linear = 2 * (4 * width * width + 2 * width * inner) * sum(lengths)
    # Scores, and the mean of the values that they weigh.
    attention = sum(2 * 2 * width * n * n for n in lengths)
    return config.num_hidden_layers * (linear + attention)


def lstm_flops(input_size: int, hidden_size: int, characters: int) -> int:
    """Operations of a bidirectional LSTM's forward pass: four gates from the input and from the last state."""
    return 2 * 2 * 4 * hidden_size * (input_size + hidden_size) * characters


def step_flops(
    model: SharingModel, lengths: Sequence[int], hidden_size: int, towers_read: int = 2
) -> int:
    """Operations of a training step on real characters.

    # Parameters

    model : over a BERT; two special pieces a sentence.
    lengths : characters of every sentence.
    hidden_size : of the towers, in each direction.
    towers_read : towers that run over each sentence.
    """
    config = encoder_of(model).transformer.config
    towers = towers_read * lstm_flops(config.hidden_size, hidden_size, sum(lengths))
    return BACKWARD_AND_FORWARD * (encoder_flops(config, [n + 2 for n in lengths]) + towers)


def matrix_products(
    config: BertConfig, tokens: int, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[Callable[[], None], int]:
    """The matrix products of one encoder layer over so many tokens, and their operations: timed, the machine's rate."""
    width, inner = config.hidden_size, config.intermediate_size
    shapes = [(width, width)] * 4 + [(width, inner), (inner, width)]
    pairs = [
        (
            torch.randn(tokens, sentences, device=device, dtype=dtype),
            torch.randn(sentences, columns, device=device, dtype=dtype),
        )
        for sentences, columns in shapes
    ]
    results = [torch.empty(tokens, columns, device=device, dtype=dtype) for _, columns in shapes]

    def multiply() -> None:
        for (left, right), result in zip(pairs, results, strict=True):
            torch.mm(left, right, out=result)

    return multiply, 2 * tokens * sum(sentences * columns for sentences, columns in shapes)
