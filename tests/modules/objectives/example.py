"""Sentences of several domains, with random states of towers."""

from collections.abc import Sequence
from typing import Any

import torch

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.towers import TowerStates
from tests.data.global_batch import share_totals
from tests.modules.examples import mixed_batch, vocabulary

VOCAB = vocabulary()
DIMS = {"shared": 3, "other": 2}
States = dict[str, TowerStates]


def objective_of(
    objective_type: str,
    vocab: Vocabulary = VOCAB,
    dims: dict[str, int] | None = None,
    tag_counts: dict[str, int] | None = None,
    **settings: Any,
) -> Any:
    """Build an objective from its config."""
    torch.manual_seed(0)
    return Objective.from_params(
        {"type": objective_type, **settings},
        vocab=vocab,
        dims=dims or DIMS,
        tag_counts=tag_counts or {},
    )


def example() -> tuple[Batch, States]:
    """Sentences of two domains, one sentence unlabelled, and random states of two towers."""
    torch.manual_seed(1)
    batch = mixed_batch(VOCAB, {"weibo": [5, 2], "msra": [4], "reviews": [3]})
    sentences = list(range(len(batch)))
    states = {name: torch.randn(4, 5, size, requires_grad=True) for name, size in DIMS.items()}
    return batch, {name: TowerStates(x, sentences, batch) for name, x in states.items()}


def micro_batches(
    batch: Batch, states: States, splits: Sequence[list[int]]
) -> list[tuple[Batch, States]]:
    """Split a batch and its tower states into micro-batches with the totals of the batch."""
    shared = share_totals([batch.select(sentences) for sentences in splits])
    result = []
    for sentences, micro_batch in zip(splits, shared, strict=True):
        selected = {}
        for name, tower in states.items():
            available = [sentence for sentence in sentences if sentence in tower.sequences]
            if available:
                positions = [sentences.index(sentence) for sentence in available]
                selected[name] = TowerStates(
                    tower.select(available), positions, micro_batch.select(positions)
                )
        result.append((micro_batch, selected))
    return result
