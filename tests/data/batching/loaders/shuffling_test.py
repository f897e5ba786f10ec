"""Order of the sentences in an epoch: shuffled globally and anew, datasets spread evenly."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers import RoundRobinScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from tests.data.batching.loaders.planning import counted, either_scheduler, loader_of, plans
from tests.data.sentences import of_lengths, realistic_lengths


def test_order_of_batches_is_random() -> None:
    """Without noise sentences of distinct lengths in one pool always form the same batches."""

    def order(seed: int, epoch: int) -> list[PlannedBatch]:
        loader = DataLoader(RoundRobinScheduler(batch_size=4, noise=0.0))
        loader.set_sentences(of_lengths(a=range(1, 101)), seed)
        return [sorted(batch) for batch in loader.plan(epoch)]

    orders = [order(0, 0), order(0, 1), order(1, 0)]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
    assert orders[0] != orders[1] and orders[0] != orders[2] and orders[1] != orders[2]


def batch_mates(plan: list[PlannedBatch]) -> set[tuple[Any, Any]]:
    """Pairs of sentences that share a batch."""
    return {(one, other) for batch in plan for one in batch for other in batch if one < other}


@either_scheduler
def test_small_corpora_have_other_batches_in_every_epoch(scheduler: dict[str, Any]) -> None:
    shares = {}
    for noise in (0.0, None):
        loader = construct(
            DataLoader, {"scheduler": {**scheduler, "batch_size": 32, "noise": noise}}
        )
        loader.set_sentences(of_lengths(a=realistic_lengths(1_350)), 0)
        mates = [batch_mates(plan) for plan in plans(loader, 4)]
        shares[noise] = len(mates[0] & mates[3]) / len(mates[0])
    # Batches of equal lengths would have most mates in common.
    assert shares[None] < 0.25 < 0.5 < shares[0.0]


@pytest.mark.parametrize("limit", [{"batch_size": 32}, {"max_tokens": 1_600}])
@pytest.mark.parametrize("name", ["roundrobin", "homogeneous_roundrobin"])
def test_no_batch_is_short(name: str, limit: dict[str, int]) -> None:
    """1,350 = 42 x 32 + 6: a batch of 6 would give each of its sentences 5.3 times the weight."""
    loader = construct(DataLoader, {"scheduler": {"type": name, **limit}})
    lengths = realistic_lengths(1_350)
    loader.set_sentences(of_lengths(a=lengths), 0)
    longest = np.argsort(lengths)[-32:].tolist()
    together = []
    for plan in plans(loader, 6):
        if "batch_size" in limit:
            assert len(plan) == 43 and {len(batch) for batch in plan} == {31, 32}
        else:
            sizes = [len(batch) * max(lengths[i] for _, i in batch) for batch in plan]
            assert min(sizes) > 0.75 * max(sizes)
        together.append({frozenset(i for _, i in batch if i in longest) for batch in plan})
    assert len(set(map(frozenset, together))) == 6


def test_every_pass_and_every_dataset_is_shuffled_independently() -> None:
    loader = loader_of(
        sizes={"a": 60, "b": 60}, sampler={"type": "uniform", "instances_per_epoch": 40}
    )
    sentences = [counted(plan) for plan in plans(loader, 6)]
    first, second = (
        [{sentence for name, sentence in epoch if name == own} for epoch in sentences]
        for own in "ab"
    )
    # Three epochs are one pass: its first third differs from that of the next pass and of b.
    assert first[0] != first[3] and second[0] != second[3]
    assert first[0] != second[0] and first[3] != second[3]


def test_plans_do_not_depend_on_global_random_states() -> None:
    first = plans(loader_of(), 2)
    np.random.seed(1)
    torch.manual_seed(1)
    assert plans(loader_of(), 2) == first


def test_order_of_a_dataset_does_not_depend_on_the_others() -> None:
    """Adding a dataset does not change the passes over another: experiments stay comparable."""

    def first_sentences(sizes: dict[str, int]) -> set[int]:
        loader = loader_of(
            sizes=sizes, sampler={"type": "uniform", "instances_per_epoch": 10 * len(sizes)}
        )
        return {sentence for name, sentence in counted(loader.plan(0)) if name == "a"}

    assert (
        first_sentences({"a": 60})
        == first_sentences({"a": 60, "b": 50})
        == first_sentences({"z": 20, "a": 60})
    )


@either_scheduler
def test_each_dataset_is_spread_over_the_epoch(scheduler: dict[str, Any]) -> None:
    """Each fifth of the epoch has its share of the small dataset."""
    loader = loader_of(sizes={"small": 200, "large": 1_800}, scheduler=scheduler)
    plan = loader.plan(0)
    for fifth in np.array_split(np.arange(len(plan)), 5):
        names = Counter(name for i in fifth for name, _ in plan[i])
        assert abs(names["small"] - 40) <= 8 + 1


def rank_correlation(plan: list[PlannedBatch]) -> float:
    """Correlate the positions of sentences in the epoch and in the file.

    Both are permutations, so that Pearson's coefficient equals Spearman's.
    """
    in_order = [sentence for batch in plan for _, sentence in batch]
    return float(np.corrcoef(in_order, np.arange(len(in_order)))[0, 1])


OF_ONE_DATASET = [
    {"type": name, **limit}
    for name in ("roundrobin", "homogeneous_roundrobin", "balanced")
    for limit in ({"batch_size": 32}, {"max_tokens": 1_600})
]


@pytest.mark.parametrize("scheduler", OF_ONE_DATASET)
def test_shuffle_is_global(scheduler: dict[str, Any]) -> None:
    """The position of a sentence in the epoch is independent of its position in the file."""
    loader = loader_of(sizes={"a": 5_000}, scheduler=scheduler)
    for plan in plans(loader, 3):
        # A random order of 5,000 sentences has a standard deviation of 0.014.
        assert abs(rank_correlation(plan)) < 0.05
        # Adjacent sentences of the file are on average a third of the epoch apart, as by chance.
        positions = np.argsort([sentence for batch in plan for _, sentence in batch])
        assert 0.3 < np.abs(np.diff(positions)).mean() / 5_000 < 0.37


@pytest.mark.parametrize("scheduler", OF_ONE_DATASET)
def test_shuffle_of_a_file_sorted_by_length_is_global(scheduler: dict[str, Any]) -> None:
    """Adjacent sentences of the file share batches, but the order of batches is random."""
    loader = construct(DataLoader, {"scheduler": scheduler})
    loader.set_sentences(of_lengths(a=sorted(realistic_lengths(5_000))), 0)
    correlations = [rank_correlation(plan) for plan in plans(loader, 30)]
    # A random order of 157 batches has a standard deviation of 0.08; a mean of 30 epochs, 0.015.
    assert abs(np.mean(correlations)) < 0.05 and np.max(np.abs(correlations)) < 0.3


def test_half_and_half_is_shuffled_globally() -> None:
    scheduler = {"type": "half_and_half", "target": "a", "max_tokens": 1_600}
    loader = loader_of(sizes={"a": 3_000, "b": 3_000}, scheduler=scheduler)
    for plan in plans(loader, 2):
        for name in "ab":
            own = [[(name, sentence) for of, sentence in batch if of == name] for batch in plan]
            assert abs(rank_correlation(own)) < 0.06
