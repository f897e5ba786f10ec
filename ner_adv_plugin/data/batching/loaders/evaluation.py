"""Batches for validation, test and prediction: every sentence once, whole."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset

# Padded positions that are computed at a time, at most, unless one sentence alone has more.
MAX_TOKENS = 16384


def evaluation_batches(
    sentences: EncodedDataset,
    batch_size: int = 64,
    max_tokens: int = MAX_TOKENS,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[Batch]:
    """Batches of sentences of similar length; `Batch.sentence_ids` says where each sentence stands in the file.

    Empty sentences, which have nothing to predict, are in none.

    # Parameters

    sentences : the dataset.
    batch_size : sentences a batch at most.
    max_tokens : padded positions a batch at most; a longer sentence makes a batch of its own.
    rank, world_size : which process of how many; each gets every so-manieth batch.

    Raises `ConfigurationError` for a batch size below 1.
    """
    if batch_size < 1:
        raise ConfigurationError(f"expected 1 or more, found {batch_size}", "batch_size")
    for group in islice(_groups(sentences, batch_size, max_tokens), rank, None, world_size):
        yield collate([(sentences, sentence) for sentence in group])


def _groups(sentences: EncodedDataset, batch_size: int, max_tokens: int) -> Iterator[list[int]]:
    """Sentences that make a batch, longest first."""
    order = np.argsort(-sentences.lengths, kind="stable")
    group: list[int] = []
    for sentence in order[: int(np.count_nonzero(sentences.lengths))]:
        longest = int(sentences.lengths[group[0]]) if group else 0
        if group and (len(group) == batch_size or longest * (len(group) + 1) > max_tokens):
            yield group
            group = []
        group.append(int(sentence))
    if group:
        yield group
