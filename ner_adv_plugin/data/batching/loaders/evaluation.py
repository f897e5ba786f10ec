"""Batches for validation, test and prediction: every sentence once and uncut."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset

# Maximum number of padded positions in a batch, unless it is a single longer sentence.
MAX_TOKENS = 16384


def evaluation_batches(
    sentences: EncodedDataset,
    batch_size: int = 64,
    max_tokens: int = MAX_TOKENS,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[Batch]:
    """Yield batches of sentences of similar length, longest first.

    Empty sentences are in no batch, as there is nothing to predict. `Batch.sentence_ids` holds the
    index of each sentence in the dataset.

    # Parameters

    sentences : the dataset.
    batch_size : maximum number of sentences in a batch.
    max_tokens : maximum number of padded positions in a batch; a sentence longer than this forms a
        batch by itself.
    rank, world_size : index of the process and number of processes; each process gets every
        `world_size`-th batch.

    # Raises

    ConfigurationError : if the batch size is below 1.
    """
    if batch_size < 1:
        raise ConfigurationError(f"expected 1 or more, found {batch_size}", "batch_size")
    for group in islice(_groups(sentences, batch_size, max_tokens), rank, None, world_size):
        yield collate([(sentences, sentence) for sentence in group])


def _groups(sentences: EncodedDataset, batch_size: int, max_tokens: int) -> Iterator[list[int]]:
    """Yield the indices of the sentences of each batch, longest first."""
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
