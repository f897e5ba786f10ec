"""What the losses of heads have in common.

Shape suffixes: B sentences.
"""

import torch
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch


def loss_per_character(loss_B: Tensor, batch: Batch) -> Tensor:
    """Divide the loss of each sentence by its number of characters, whatever `normalize_by` says.

    The unit of the metric `<task>_loss` in training, validation and test, for every head.

    # Parameters

    loss_B : result of `Head.loss`.
    batch : the sentences.

    # Returns

    Nats per character, (B,).
    """
    return loss_B / batch.lengths_B.clamp(min=1)


def categorical_divergence(log_p: Tensor) -> Tensor:
    """Compute the divergence of pairs of categorical distributions.

    # Parameters

    log_p : logarithms of the probabilities of K options, (2 B, ..., K); those of pair i are at 2 i
        and 2 i + 1. An option may be -inf in both distributions.

    # Returns

    The mean of both directions of the Kullback-Leibler divergence in nats, (B, ...).
    """
    one, other = log_p[::2], log_p[1::2]
    impossible = one == -torch.inf
    gap = one.masked_fill(impossible, 0.0) - other.masked_fill(impossible, 0.0)
    return 0.5 * ((one.exp() - other.exp()) * gap).sum(-1)
