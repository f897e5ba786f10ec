"""Sentences of several domains, and random states of towers over them."""

from collections.abc import Sequence
from typing import Any

import torch

from ner_adv_plugin.data.batching.batch import Batch, share_totals
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.towers import TowerStates
from tests.modules.examples import mixed_batch, vocabulary

VOCAB = vocabulary()
DIMS = {"shared": 3, "other": 2}
States = dict[str, TowerStates]


def objective_of(
    kind: str, vocab: Vocabulary = VOCAB, dims: dict[str, int] | None = None, **settings: Any
) -> Any:
    """An objective of a config."""
    torch.manual_seed(0)
    return Objective.from_params({"type": kind, **settings}, vocab=vocab, dims=dims or DIMS)


def example() -> tuple[Batch, States]:
    """Sentences of two domains, one of them without labels, and random states of two towers that ran over all."""
    torch.manual_seed(1)
    batch = mixed_batch(VOCAB, {"weibo": [5, 2], "msra": [4], "reviews": [3]})
    sentences = list(range(len(batch)))
    states = {name: torch.randn(4, 5, size, requires_grad=True) for name, size in DIMS.items()}
    return batch, {name: TowerStates(x, sentences, batch) for name, x in states.items()}


def micro_batches(
    batch: Batch, states: States, parts: Sequence[list[int]]
) -> list[tuple[Batch, States]]:
    """Parts of a batch and of its towers' states, with the totals of the whole."""
    shared = share_totals([batch.select(sentences) for sentences in parts])
    result = []
    for sentences, part in zip(parts, shared, strict=True):
        own = {}
        for name, tower in states.items():
            kept = [sentence for sentence in sentences if sentence in tower.sequences]
            if kept:
                places = [sentences.index(sentence) for sentence in kept]
                own[name] = TowerStates(tower.select(kept), places, part.select(places))
        result.append((part, own))
    return result
