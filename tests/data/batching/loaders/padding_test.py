"""Padding of planned batches."""

import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers import (
    HomogeneousRoundRobinScheduler,
    RoundRobinScheduler,
)
from tests.data.sentences import of_lengths, realistic_lengths


def padding_ratio(loader: DataLoader) -> float:
    """Return the ratio of padded positions to real characters over an epoch."""
    batches = [loader.batches([planned])[0] for planned in loader.plan(0)]
    return sum(b.mask_BL.numel() for b in batches) / sum(int(b.lengths_B.sum()) for b in batches)


@pytest.mark.parametrize(
    ("scheduler_class", "bound"),
    [(RoundRobinScheduler, 1.25), (HomogeneousRoundRobinScheduler, 1.15)],
    ids=["mixed", "homogeneous"],
)
def test_padding(
    scheduler_class: type[RoundRobinScheduler | HomogeneousRoundRobinScheduler], bound: float
) -> None:
    sentences = of_lengths(
        news=realistic_lengths(4_000, 1),
        social=[n * 2 // 3 + 1 for n in realistic_lengths(1_300, 2)],
    )
    ratios = {}
    for pool in (1, 50):
        loader = DataLoader(scheduler_class(batch_size=32, pool=pool))
        loader.set_sentences(sentences, 0)
        ratios[pool] = padding_ratio(loader)
    assert ratios[1] > 2.5 and ratios[50] < bound


@pytest.mark.parametrize(
    ("scheduler", "bound"),
    [
        ("roundrobin", 1.25),
        ("homogeneous_roundrobin", 1.15),
        ("balanced", 1.25),
        ("half_and_half", 1.25),
    ],
)
def test_padding_of_token_batches(scheduler: str, bound: float) -> None:
    target = {"target": "social"} if scheduler == "half_and_half" else {}
    loader = construct(
        DataLoader, {"scheduler": {"type": scheduler, "max_tokens": 2_048, **target}}
    )
    sentences = of_lengths(
        news=realistic_lengths(4_000, 1),
        social=[n * 2 // 3 + 1 for n in realistic_lengths(1_300, 2)],
    )
    loader.set_sentences(sentences, 0)
    assert padding_ratio(loader) < bound
