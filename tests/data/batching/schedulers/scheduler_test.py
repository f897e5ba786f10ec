"""Properties of all schedulers."""

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
from ner_adv_plugin.data.batching.schedulers import (
    BalancedScheduler,
    HalfAndHalfScheduler,
    HomogeneousRoundRobinScheduler,
    MultiTaskScheduler,
    RoundRobinScheduler,
)
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch, by_length, spread

Drawn = dict[str, NDArray[np.int64]]

NAMES = ["roundrobin", "homogeneous_roundrobin", "balanced", "half_and_half"]
dataset_counts = st.lists(st.integers(0, 120), min_size=2, max_size=5).map(
    lambda counts: {f"dataset{i}": count for i, count in enumerate(counts)}
)
batch_sizes = st.integers(1, 17)
token_limits = st.integers(1, 600)
limits = st.builds(dict, batch_size=batch_sizes) | st.builds(dict, max_tokens=token_limits)
pools = st.integers(1, 6)


def schedulers_of(limit: dict[str, int], pool: int) -> list[MultiTaskScheduler]:
    return [
        RoundRobinScheduler(**limit, pool=pool),
        HomogeneousRoundRobinScheduler(**limit, pool=pool),
        BalancedScheduler(**limit, pool=pool),
        HalfAndHalfScheduler("dataset0", **limit, pool=pool),
    ]


def drawn_sentences(counts: dict[str, int], seed: int = 0) -> tuple[Drawn, Drawn]:
    """Draw sentences of each dataset in random order, some repeatedly, and all lengths."""
    generator = np.random.default_rng(seed)
    sizes = {name: max(1, count * 2 // 3) for name, count in counts.items()}
    sentences = {
        name: generator.permutation(np.arange(count) % sizes[name])
        for name, count in counts.items()
    }
    return sentences, {name: generator.integers(0, 60, size) for name, size in sizes.items()}


def plan(
    scheduler: MultiTaskScheduler, sentences: Drawn, lengths: Drawn, seed: int = 0
) -> list[PlannedBatch]:
    return scheduler.batches(sentences, lengths, np.random.default_rng(seed))


def largest_departure(order: list[str], name: str) -> float:
    """Return the largest deviation of a name's count in any run from its share of the run."""
    share = order.count(name) / len(order)
    ahead = np.concatenate([[0], np.cumsum([(own == name) - share for own in order])])
    return float(ahead.max() - ahead.min())


@given(dataset_counts, limits, pools, st.integers(0, 9))
@example({"dataset0": 0, "dataset1": 0}, {"batch_size": 1}, 1, 0)
@example({"dataset0": 0, "dataset1": 0}, {"max_tokens": 1}, 1, 0)
@example({"dataset0": 0, "dataset1": 3}, {"batch_size": 3}, 1, 0)
def test_every_drawn_sentence_is_in_one_batch(
    asked: dict[str, int], limit: dict[str, int], pool: int, seed: int
) -> None:
    for scheduler in schedulers_of(limit, pool):
        counts = scheduler.draws(asked)
        assert list(counts) == list(asked) and all(counts[name] >= asked[name] for name in asked)
        sentences, lengths = drawn_sentences(counts, seed)
        batches = plan(scheduler, sentences, lengths, seed)
        assert scheduler.count(counts) == (len(batches) if "batch_size" in limit else None)
        for batch in batches:
            longest = max(lengths[name][sentence] for name, sentence in batch)
            fits = (
                len(batch) <= limit["batch_size"]
                if "batch_size" in limit
                else len(batch) * longest <= limit["max_tokens"]
            )
            assert len(batch) == 1 or (batch and fits)
        planned = Counter(pair for batch in batches for pair in batch)
        assert planned == Counter(
            (name, int(sentence)) for name, own in sentences.items() for sentence in own
        )
        assert all(type(name) is str and type(sentence) is int for name, sentence in planned)


@given(dataset_counts, limits, pools)
def test_plans_are_a_function_of_the_generator_only(
    asked: dict[str, int], limit: dict[str, int], pool: int
) -> None:
    for scheduler, other in zip(
        schedulers_of(limit, pool), schedulers_of(limit, pool), strict=True
    ):
        sentences, lengths = drawn_sentences(scheduler.draws(asked))
        first = plan(scheduler, sentences, lengths, 1)
        plan(scheduler, sentences, lengths, 2)
        assert plan(scheduler, sentences, lengths, 1) == plan(other, sentences, lengths, 1) == first


@pytest.mark.parametrize(
    "scheduler", schedulers_of({"batch_size": 8}, 5) + schedulers_of({"max_tokens": 300}, 5)
)
def test_another_generator_makes_another_plan(scheduler: MultiTaskScheduler) -> None:
    sentences, lengths = drawn_sentences(scheduler.draws({"dataset0": 200, "dataset1": 100}))
    assert plan(scheduler, sentences, lengths, 1) != plan(scheduler, sentences, lengths, 2)


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


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 12)))
def test_spread_sorts_positions(counts: dict[str, int]) -> None:
    positions = [
        ((i + 0.5) / count, rank, name)
        for rank, (name, count) in enumerate(counts.items())
        for i in range(count)
    ]
    assert spread(counts) == [name for _, _, name in sorted(positions)]


def test_spread_by_hand() -> None:
    assert spread({"a": 2, "b": 4}) == ["b", "a", "b", "b", "a", "b"]
    assert spread({"a": 3}) == ["a", "a", "a"]
    assert spread({"a": 0, "b": 1}) == ["b"]
    assert spread({}) == []


def test_spread_of_many_names_may_deviate_by_more_than_one() -> None:
    """As its bound says; for two names it is one."""
    order = spread({name: 1 for name in "abcdefgh"} | {"i": 9})
    assert 1 < largest_departure(order, "i") <= 1 + 9 / 17 * 7


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(0, 5))
@settings(max_examples=50)
def test_by_length(lengths: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    rising = by_length(generator.permutation(len(lengths)), np.array(lengths), generator)
    assert sorted(rising.tolist()) == list(range(len(lengths)))
    assert (np.diff(np.array(lengths)[rising]) >= 0).all()


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5])
def test_noise_moves_a_sentence_past_similar_lengths_only(noise: float) -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 100, 500)
    rising = lengths[by_length(np.arange(500), lengths, generator, noise)]
    highest = np.maximum.accumulate(rising)
    # A longer sentence before a shorter one: (1 - noise) a <= (1 + noise) b.
    assert (highest * (1 - noise) <= rising * (1 + noise) + 1e-9).all()
    assert (highest > rising).any() == (noise > 0)


def test_noise_by_default_for_few_pools() -> None:
    assert [RoundRobinScheduler().noise_with(pools) for pools in (1, 2, 3)] == [0.1, 0.1, 0.0]
    assert RoundRobinScheduler(noise=0.3).noise_with(9) == 0.3


def test_sentences_of_equal_length_are_shuffled() -> None:
    """Each of 4 sentences is in the first half about half of the time, whatever the file order."""
    generator = np.random.default_rng(0)
    first = Counter(
        int(sentence)
        for _ in range(400)
        for sentence in by_length(np.arange(4), np.full(4, 7), generator)[:2]
    )
    # 400 draws with probability 1/2 have a standard deviation of 10.
    assert all(150 <= first[sentence] <= 250 for sentence in range(4))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"pool": 0}, "pool", "expected 1 or more, found 0"),
        ({"noise": 1.5}, "noise", "expected 0 to 1, or null, found 1.5"),
        ({"batch_size": 0}, "batch_size", "expected 1 or more, found 0"),
        ({"max_tokens": 0}, "max_tokens", "expected 1 or more, found 0"),
        (
            {"batch_size": 8, "max_tokens": 100},
            "max_tokens",
            "batch_size and max_tokens both limit the size of a batch: set one of them",
        ),
    ],
)
def test_wrong_settings(name: str, settings: dict[str, Any], path: str, message: str) -> None:
    target = {"target": "a"} if name == "half_and_half" else {}
    with pytest.raises(ConfigurationError) as error:
        construct(MultiTaskScheduler, {"type": name, **target, **settings}, "data_loader.scheduler")
    assert (error.value.path, error.value.message) == (f"data_loader.scheduler.{path}", message)


def test_batches_of_32_by_default() -> None:
    for scheduler in schedulers_of({}, 5):
        assert scheduler.count({"dataset0": 64, "dataset1": 64}) == 4


def test_states_are_plain_types() -> None:
    for scheduler in schedulers_of({"batch_size": 4}, 5):
        scheduler.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
