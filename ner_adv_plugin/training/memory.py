"""Memory of a training step: an estimate per token, and batches that are cut to fit."""

from collections.abc import Sequence

import torch
from torch.nn import GRU, LSTM, LayerNorm, Linear, Module

from ner_adv_plugin.common.memory import memory_of
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.heads.span_head import SpanHead
from ner_adv_plugin.modules.objectives import objectives_of

BYTES = 4
# Python, torch and transformers before a model is built.
BASE_BYTES = 500 << 20
# Weights, gradients and the two moments of Adam.
COPIES = 4
# Share of the memory that a step may use by default.
SHARE = 0.5
# Length assumed for heads whose scores grow with the square of the length.
SPAN_LENGTH = 512


def numbers_per_token(module: Module) -> int:
    """Estimate the numbers that a training step keeps for each token at its peak.

    A linear layer keeps its input and output, a normalisation four vectors, a recurrence ten per
    unit, a head that scores spans three scores for each span and type.

    # Examples

    >>> numbers_per_token(torch.nn.Sequential(Linear(3, 5), LayerNorm(5)))
    28
    """
    count = 0
    for part in module.modules():
        if isinstance(part, Linear):
            count += part.in_features + part.out_features
        elif isinstance(part, LayerNorm):
            count += 4 * part.normalized_shape[0]
        elif isinstance(part, LSTM | GRU):
            directions = 2 if part.bidirectional else 1
            count += 10 * part.hidden_size * directions * part.num_layers
        elif isinstance(part, SpanHead):
            count += 3 * SPAN_LENGTH * len(part.label_space.types)
    return count


def peak_bytes(parameters: int, numbers: int, tokens: int) -> int:
    """Estimate the peak memory of training.

    # Parameters

    parameters : number of parameters.
    numbers : from `numbers_per_token`.
    tokens : number of tokens, padding included, of the largest forward and backward pass.
    """
    return BASE_BYTES + BYTES * (COPIES * parameters + numbers * tokens)


def default_tokens(model: Module, device: torch.device) -> int:
    """Return the tokens of a pass whose estimated peak is half of the device's memory."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    free = SHARE * memory_of(device) - peak_bytes(parameters, 0, 0)
    return max(1, int(free / (BYTES * max(1, numbers_per_token(model)))))


def most_tokens(model: Module, device: torch.device, configured: int | None) -> int | None:
    """Return the maximum number of tokens of a pass; None if batches must not be cut.

    # Parameters

    model : the model; objectives that compare whole batches need them whole.
    device : its device.
    configured : `max_tokens_per_pass` of the config; None for the default of the device.
    """
    if not all(objective.adds_up for objective in objectives_of(model)):
        return None
    return configured or default_tokens(model, device)


def cut(batches: Sequence[Batch], most: int) -> list[Batch]:
    """Cut batches into micro-batches of sentences of similar length.

    The losses of the micro-batches, which keep the totals of the global batch, add up to the loss
    of the batch.

    # Parameters

    batches : batches, longest sentence first.
    most : maximum number of tokens of a micro-batch, padding included; a longer sentence is a
        micro-batch by itself.

    # Returns

    The micro-batches; a batch that fits is the same object.
    """
    pieces: list[Batch] = []
    for batch in batches:
        first = 0
        while first < len(batch):
            longest = batch.lengths[first]
            count = max(1, most // longest) if longest else len(batch)
            last = min(first + count, len(batch))
            whole = first == 0 and last == len(batch)
            pieces.append(batch if whole else batch.select(range(first, last)))
            first = last
        if not len(batch):
            pieces.append(batch)
    return pieces
