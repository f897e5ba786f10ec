"""What holds of every scheduler."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.schedulers import HomogeneousRoundRobinScheduler, MultiTaskScheduler, RoundRobinScheduler
from ner_adv_plugin.data.schedulers.scheduler import PlannedBatch, bucketed, spread

Drawn = dict[str, NDArray[np.int64]]

dataset_counts = st.lists(st.integers(0, 120), min_size=1, max_size=5).map(
    lambda counts: {f"dataset{i}": count for i, count in enumerate(counts)}
)
batch_sizes = st.integers(1, 17)
pools = st.integers(1, 6)


def schedulers_of(batch_size: int, pool: int) -> list[MultiTaskScheduler]:
    return [RoundRobinScheduler(batch_size, pool), HomogeneousRoundRobinScheduler(batch_size, pool)]


def drawn_rows(counts: dict[str, int], seed: int = 0) -> tuple[Drawn, Drawn]:
    """So many rows of each dataset in random order, some more than once, and the lengths of all its rows."""
    generator = np.random.default_rng(seed)
    sizes = {name: max(1, count * 2 // 3) for name, count in counts.items()}
    rows = {name: generator.permutation(np.arange(count) % sizes[name]) for name, count in counts.items()}
    return rows, {name: generator.integers(1, 60, size) for name, size in sizes.items()}


def plan(scheduler: MultiTaskScheduler, rows: Drawn, lengths: Drawn, seed: int = 0) -> list[PlannedBatch]:
    return scheduler.batches(rows, lengths, np.random.default_rng(seed))


def largest_departure(order: list[str], name: str) -> float:
    """How far the number of a name in any run of places is from its share of the run."""
    share = order.count(name) / len(order)
    ahead = np.concatenate([[0], np.cumsum([(own == name) - share for own in order])])
    return float(ahead.max() - ahead.min())


@given(dataset_counts, batch_sizes, pools, st.integers(0, 9))
@example({"dataset0": 0}, 1, 1, 0)
@example({"dataset0": 0, "dataset1": 3}, 3, 1, 0)
def test_every_drawn_row_is_in_one_batch(counts: dict[str, int], batch_size: int, pool: int, seed: int) -> None:
    rows, lengths = drawn_rows(counts, seed)
    for scheduler in schedulers_of(batch_size, pool):
        batches = plan(scheduler, rows, lengths, seed)
        assert len(batches) == scheduler.count(counts)
        assert all(1 <= len(batch) <= batch_size for batch in batches)
        planned = Counter(place for batch in batches for place in batch)
        assert planned == Counter((name, int(row)) for name, own in rows.items() for row in own)
        assert all(type(name) is str and type(row) is int for name, row in planned)


@given(dataset_counts, batch_sizes, pools)
def test_a_function_of_the_generator_alone(counts: dict[str, int], batch_size: int, pool: int) -> None:
    rows, lengths = drawn_rows(counts)
    for scheduler, other in zip(schedulers_of(batch_size, pool), schedulers_of(batch_size, pool), strict=True):
        first = plan(scheduler, rows, lengths, 1)
        plan(scheduler, rows, lengths, 2)
        assert plan(scheduler, rows, lengths, 1) == plan(other, rows, lengths, 1) == first


@pytest.mark.parametrize("scheduler", schedulers_of(8, 5))
def test_another_generator_plans_otherwise(scheduler: MultiTaskScheduler) -> None:
    rows, lengths = drawn_rows({"a": 200, "b": 100})
    assert plan(scheduler, rows, lengths, 1) != plan(scheduler, rows, lengths, 2)


@given(dataset_counts.filter(lambda counts: sum(counts.values()) > 0))
@example({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1000})
@example(dict.fromkeys("abcdefgh", 7) | {"i": 1000})
def test_spread(counts: dict[str, int]) -> None:
    order = spread(counts)
    assert Counter(order) == Counter({name: count for name, count in counts.items() if count})
    names = {name for name, count in counts.items() if count}
    for name in names:
        bound = 1 + counts[name] / len(order) * (len(names) - 2)
        assert largest_departure(order, name) <= bound + 1e-9


def test_spread_by_hand() -> None:
    assert spread({"a": 2, "b": 4}) == ["b", "a", "b", "b", "a", "b"]
    assert spread({"a": 3}) == ["a", "a", "a"]
    assert spread({"a": 0, "b": 1}) == ["b"]
    assert spread({}) == []


def test_spread_departs_by_more_than_one_where_names_are_many() -> None:
    """The bound says so; two names keep within one."""
    order = spread({name: 1 for name in "abcdefgh"} | {"i": 9})
    assert 1 < largest_departure(order, "i") <= 1 + 9 / 17 * 7


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=60), st.lists(st.integers(0, 60), max_size=5), st.integers(0, 5)
)
@settings(max_examples=50)
def test_bucketed(lengths: list[int], cuts: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(lengths))
    edges = [0, *sorted(min(cut, len(lengths)) for cut in cuts), len(lengths)]
    sizes = [int(size) for size in np.diff(edges)]
    groups = bucketed(rows, np.array(lengths), sizes, generator)
    assert [len(group) for group in groups] == sizes
    together = np.concatenate(groups)
    assert sorted(together.tolist()) == list(range(len(lengths)))
    # Rows of one length come as chance has it, else they rise.
    assert (np.diff(np.array(lengths)[together]) >= 0).all()


def test_rows_of_one_length_meet_by_chance() -> None:
    """File order leaves no trace: in 200 shuffles each of 4 rows is in the first pair about half the time."""
    generator = np.random.default_rng(0)
    first = Counter(int(row) for _ in range(400) for row in bucketed(np.arange(4), np.full(4, 7), [2, 2], generator)[0])
    # 400 draws at a half: a standard deviation of 10.
    assert all(150 <= first[row] <= 250 for row in range(4))


@pytest.mark.parametrize("kind", ["roundrobin", "homogeneous_roundrobin"])
@pytest.mark.parametrize(("settings", "path"), [({"pool": 0}, "pool"), ({"batch_size": 0}, "batch_size")])
def test_wrong_settings(kind: str, settings: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(MultiTaskScheduler, {"type": kind, **settings}, "data_loader.scheduler")
    assert error.value.path == f"data_loader.scheduler.{path}"
    assert error.value.message == "expected 1 or more, found 0"


def test_state_is_plain() -> None:
    for scheduler in schedulers_of(4, 5):
        scheduler.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
