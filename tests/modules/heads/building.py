"""Heads and batches for tests of heads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.heads import Head
from tests.modules.examples import (
    SPACES,
    TEXT,
    character_alphabet,
    mixed_batch,
    vocabulary,
    vocabulary_of,
)

WIDTH = 5
LENGTHS = [6, 4, 3, 1]
VOCAB = vocabulary()
# Two datasets of the task "weibo" with LOC and PER: one annotates both types, the other PER only.
PARTIAL = vocabulary_of(
    {"full": SPACES["weibo"], "partial": replace(SPACES["weibo"], annotated_types=["PER"])}
)


def head_of(
    head_type: str,
    head: str = "weibo",
    vocab: Vocabulary = VOCAB,
    width: int = WIDTH,
    **settings: Any,
) -> Any:
    """Build a head, by default without dropout."""
    torch.manual_seed(0)
    config = {"type": head_type, "dropout": 0.0, **settings}
    return Head.from_params(config, label_space=vocab.label_space(head), input_dim=width)


def example(head: str = "weibo") -> tuple[Batch, Tensor]:
    """Random sentences with the targets of a tagging head, and random states."""
    batch = mixed_batch(VOCAB, {head: LENGTHS}).owned_by(f"heads.{head}")
    return batch, states_of(batch)


def states_of(batch: Batch, width: int = WIDTH, seed: int = 1) -> Tensor:
    """Random states for a batch, (B, L, width)."""
    return torch.randn(*batch.mask_BL.shape, width, generator=torch.Generator().manual_seed(seed))


def batch_with(
    head: Head,
    sentences: Sequence[tuple[int, list[Span]]],
    dataset: str | None = None,
    vocab: Vocabulary = VOCAB,
) -> Batch:
    """Batch of sentences, given their lengths and gold spans, with the targets of a head."""
    return batch_of(head, {dataset or head.label_space.head: sentences}, vocab)


def batch_of(
    head: Head, datasets: dict[str, Sequence[tuple[int, list[Span]]]], vocab: Vocabulary
) -> Batch:
    """Batch of sentences of several datasets of a task, with the targets of its head.

    # Parameters

    head : the head.
    datasets : for each dataset the lengths and gold spans of its sentences.
    vocab : the vocabulary.
    """
    sources = [dataset_of(name, sentences, vocab) for name, sentences in datasets.items()]
    owner = f"heads.{head.label_space.head}"
    for source in sources:
        source.targets = {owner: head.targets(source)}
    return collate([(source, i) for source in sources for i in range(len(source))]).owned_by(owner)


def dataset_of(
    name: str, sentences: Sequence[tuple[int, list[Span]]], vocab: Vocabulary = VOCAB
) -> EncodedDataset:
    """Dataset of sentences, given their lengths and gold spans."""
    instances = [
        Instance((TEXT * (1 + length // len(TEXT)))[:length], spans) for length, spans in sentences
    ]
    return EncodedDataset(name, instances, vocab, character_alphabet(vocab))
