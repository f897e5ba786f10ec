"""Models and batches for tests of models."""

from collections.abc import Sequence
from typing import Any

import torch

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models import SharingModel
from ner_adv_plugin.models.model import LazyModel
from tests.modules.examples import TargetsOf, mixed_batch

ENCODER = {"type": "character_embedding", "embedding_dim": 6}
TOWER = {"type": "lstm", "hidden_size": 3, "bidirectional": True}
HEAD = {"type": "crf", "dropout": 0.0}
ADVERSARY: dict[str, Any] = {"type": "domain_adversarial", "dropout": 0.0, "weight": 0.3}
LENGTHS = {"weibo": [9, 4, 2], "msra": [7, 4], "msr": [6, 5, 1], "reviews": [8, 3]}


def build_model(
    model_type: str, vocab: Vocabulary, only_heads: Sequence[str] | None = None, **settings: Any
) -> SharingModel:
    """Build a small model without dropout, in training mode."""
    config = {"type": model_type, "encoder": ENCODER, "tower": TOWER, "head": HEAD, **settings}
    if model_type == "adversarial":
        config.setdefault("objectives", [ADVERSARY])
    torch.manual_seed(0)
    model: SharingModel = (
        bind(LazyModel, config, "model").build({}).construct(vocab=vocab, only_heads=only_heads)
    )
    return model


def batch_for(vocab: Vocabulary, seed: int = 0, targets_of: TargetsOf | None = None) -> Batch:
    """Sentences of different lengths of every dataset of the vocabulary; see `mixed_batch`."""
    lengths = {name: LENGTHS[name] for name in vocab.datasets}
    return mixed_batch(vocab, lengths, seed=seed, targets_of=targets_of)
