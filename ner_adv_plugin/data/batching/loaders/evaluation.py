"""Batches for validation, test and prediction: every sentence once and uncut."""

from collections.abc import Iterator
from itertools import islice

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.windows import MAX_TOKENS, batches_by_length


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
    at_least(1, batch_size, "batch_size")
    groups = batches_by_length(sentences.lengths, batch_size, max_tokens)
    for group in islice(groups, rank, None, world_size):
        yield collate([(sentences, sentence) for sentence in group])
