from collections import Counter

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.schedulers import RoundRobinScheduler

dataset_counts = st.lists(st.integers(1, 150), min_size=1, max_size=5).map(
    lambda counts: {f"dataset{i}": count for i, count in enumerate(counts)}
)


def plan(
    counts: dict[str, int], pool: int, seed: int = 0, **limit: int
) -> list[list[tuple[str, int]]]:
    generator = np.random.default_rng(seed)
    lengths = {name: generator.integers(1, 60, count) for name, count in counts.items()}
    sentences = {name: generator.permutation(count) for name, count in counts.items()}
    return RoundRobinScheduler(**limit, pool=pool).batches(sentences, lengths, generator)


def check_mix(batches: list[list[tuple[str, int]]], counts: dict[str, int]) -> None:
    """Check that every dataset has its share of every batch, within the bound of `spread`."""
    total = sum(counts.values())
    for name, count in counts.items():
        share = count / total
        bound = 1 + share * (len(counts) - 2)
        for batch in batches:
            drawn = sum(own == name for own, _ in batch)
            assert abs(drawn - share * len(batch)) <= bound + 1e-9


@given(dataset_counts, st.integers(1, 17), st.integers(1, 6))
@example({"dataset0": 1, "dataset1": 150}, 7, 2)
def test_batches_are_even_and_mixed(counts: dict[str, int], batch_size: int, pool: int) -> None:
    batches = plan(counts, pool, batch_size=batch_size)
    sizes = [len(batch) for batch in batches]
    assert len(batches) == -(-sum(counts.values()) // batch_size)
    assert max(sizes) <= batch_size and max(sizes) - min(sizes) <= 1
    check_mix(batches, counts)


@given(dataset_counts, st.integers(1, 600), st.integers(1, 6))
@example({"dataset0": 1, "dataset1": 150}, 100, 2)
def test_the_mix_with_max_tokens_is_measured_in_sentences(
    counts: dict[str, int], max_tokens: int, pool: int
) -> None:
    check_mix(plan(counts, pool, max_tokens=max_tokens), counts)


def test_the_mix_of_a_small_and_a_large_dataset() -> None:
    """With 1 small in 33 sentences, nearly every batch of 32 has one, and none more than two."""
    batches = plan({"weibo": 100, "msra": 3_200}, 50, batch_size=32)
    small = Counter(sum(name == "weibo" for name, _ in batch) for batch in batches)
    assert set(small) <= {0, 1, 2} and small[1] >= 95


def test_sentences_of_a_batch_and_dataset_have_similar_lengths() -> None:
    generator = np.random.default_rng(0)
    counts = {"a": 640, "b": 640}
    lengths = {name: generator.integers(1, 200, count) for name, count in counts.items()}
    sentences = {name: generator.permutation(count) for name, count in counts.items()}
    scheduler = RoundRobinScheduler(batch_size=32, pool=40, noise=0.0)
    batches = scheduler.batches(sentences, lengths, generator)
    for name in counts:
        ranges = [
            np.ptp([lengths[name][sentence] for own, sentence in batch if own == name])
            for batch in batches
        ]
        # One pool holds all: 40 batches share 200 lengths, 5 each, plus gaps between lengths.
        assert max(ranges) <= 15 and np.mean(ranges) < 6


def test_batches_by_max_tokens_have_little_padding_and_are_nearly_full() -> None:
    generator = np.random.default_rng(0)
    lengths = {name: generator.integers(1, 200, 2_000) for name in "ab"}
    sentences = {name: generator.permutation(2_000) for name in "ab"}
    batches = RoundRobinScheduler(max_tokens=2_048, pool=50).batches(sentences, lengths, generator)
    padded = [
        len(batch) * max(lengths[name][sentence] for name, sentence in batch) for batch in batches
    ]
    real = sum(int(lengths[name].sum()) for name in "ab")
    assert max(padded) <= 2_048 and sum(padded) < 1.1 * real
    # All but the last batch of a pool are so full that one more sentence does not fit.
    assert sum(size < 0.85 * 2_048 for size in padded) <= len(batches) / 50 + 1
