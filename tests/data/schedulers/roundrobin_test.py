from collections import Counter

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.data.schedulers import RoundRobinScheduler

dataset_counts = st.lists(st.integers(1, 150), min_size=1, max_size=5).map(
    lambda counts: {f"dataset{i}": count for i, count in enumerate(counts)}
)


def plan(counts: dict[str, int], batch_size: int, pool: int, seed: int = 0) -> list[list[tuple[str, int]]]:
    generator = np.random.default_rng(seed)
    lengths = {name: generator.integers(1, 60, count) for name, count in counts.items()}
    rows = {name: generator.permutation(count) for name, count in counts.items()}
    return RoundRobinScheduler(batch_size, pool).batches(rows, lengths, generator)


@given(dataset_counts, st.integers(1, 17), st.integers(1, 6))
@example({"dataset0": 1, "dataset1": 150}, 7, 2)
def test_batches_are_full_and_mixed(counts: dict[str, int], batch_size: int, pool: int) -> None:
    batches = plan(counts, batch_size, pool)
    total = sum(counts.values())
    short = [len(batch) for batch in batches if len(batch) != batch_size]
    assert short == ([total % batch_size] if total % batch_size else [])
    for name, count in counts.items():
        share = count / total
        bound = 1 + share * (len(counts) - 2)
        for batch in batches:
            drawn = sum(own == name for own, _ in batch)
            assert abs(drawn - share * len(batch)) <= bound + 1e-9


def test_the_mix_of_a_small_and_a_large_dataset() -> None:
    """1 in 33 rows of 32 a batch: nearly every batch holds one of the small dataset, none more than two."""
    batches = plan({"weibo": 100, "msra": 3_200}, 32, 50)
    small = Counter(sum(name == "weibo" for name, _ in batch) for batch in batches)
    assert set(small) <= {0, 1, 2} and small[1] >= 95


def test_rows_of_a_batch_are_of_similar_length_in_every_dataset() -> None:
    generator = np.random.default_rng(0)
    counts = {"a": 640, "b": 640}
    lengths = {name: generator.integers(1, 200, count) for name, count in counts.items()}
    rows = {name: generator.permutation(count) for name, count in counts.items()}
    batches = RoundRobinScheduler(batch_size=32, pool=40).batches(rows, lengths, generator)
    for name in counts:
        ranges = [np.ptp([lengths[name][row] for own, row in batch if own == name]) for batch in batches]
        # One pool holds everything: 40 batches share 200 lengths, 5 each, give or take the gaps.
        assert max(ranges) <= 15 and np.mean(ranges) < 6
