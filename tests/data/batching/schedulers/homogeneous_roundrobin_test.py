from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.schedulers import (
    HomogeneousRoundRobinScheduler,
    MultiTaskScheduler,
)
from tests.planned import check

names = ("a", "b", "c")
three = st.tuples(*[st.integers(1, 100)] * 3)


def plan(
    scheduler: HomogeneousRoundRobinScheduler, counts: dict[str, int]
) -> list[list[tuple[str, int]]]:
    generator = np.random.default_rng(0)
    lengths = {name: generator.integers(1, 60, count) for name, count in counts.items()}
    sentences = {name: generator.permutation(count) for name, count in counts.items()}
    return scheduler.batches(sentences, lengths, generator)


@given(three, st.integers(1, 12) | st.tuples(*[st.integers(1, 12)] * 3), st.integers(1, 4))
def test_batches_of_one_dataset_in_turns(
    counts: tuple[int, int, int], sizes: int | tuple[int, int, int], pool: int
) -> None:
    sentences = dict(zip(names, counts, strict=True))
    each = dict(zip(names, sizes if isinstance(sizes, tuple) else [sizes] * 3, strict=True))
    scheduler = HomogeneousRoundRobinScheduler(sizes if isinstance(sizes, int) else each, pool=pool)
    batches = plan(scheduler, sentences)
    order = [batch[0][0] for batch in batches]
    assert all(name == own for batch, own in zip(batches, order, strict=True) for name, _ in batch)
    expected = {name: -(-sentences[name] // each[name]) for name in names}
    assert Counter(order) == expected and scheduler.count(sentences) == sum(expected.values())
    for name in names:
        own_sizes = [len(batch) for batch in batches if batch[0][0] == name]
        assert sum(own_sizes) == sentences[name] and max(own_sizes) - min(own_sizes) <= 1
        # Datasets take turns in proportion: see `spread`.
        share = expected[name] / len(order)
        ahead = np.concatenate([[0], np.cumsum([(own == name) - share for own in order])])
        assert ahead.max() - ahead.min() <= 1 + share + 1e-9


@pytest.mark.parametrize(
    ("sizes", "path", "message"),
    [
        ({"a": 1, "b": 2}, "batch_size.c", "missing key: expected one per dataset (a, b, c)"),
        ({"a": 1, "b": 2, "c": 3, "bc": 4}, "batch_size.bc", 'no dataset "bc". Did you mean "'),
    ],
)
def test_batch_sizes_and_datasets_must_agree(
    sizes: dict[str, int], path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        settings = {"type": "homogeneous_roundrobin", "batch_size": sizes}
        check(MultiTaskScheduler, settings, "data_loader.scheduler", names)
    assert error.value.path == f"data_loader.scheduler.{path}"
    assert error.value.message.startswith(message)


@given(three, st.integers(1, 500), st.integers(1, 4))
def test_token_batches_of_one_dataset_in_turns(
    counts: tuple[int, int, int], tokens: int, pool: int
) -> None:
    sentences = dict(zip(names, counts, strict=True))
    batches = plan(HomogeneousRoundRobinScheduler(max_tokens=tokens, pool=pool), sentences)
    order = [batch[0][0] for batch in batches]
    assert all(name == own for batch, own in zip(batches, order, strict=True) for name, _ in batch)
    own = Counter(order)
    for name in names:
        ahead = np.concatenate(
            [[0], np.cumsum([(at == name) - own[name] / len(order) for at in order])]
        )
        assert ahead.max() - ahead.min() <= 1 + own[name] / len(order) + 1e-9


def test_batch_sizes_per_dataset_and_max_tokens_are_exclusive() -> None:
    with pytest.raises(ConfigurationError) as error:
        HomogeneousRoundRobinScheduler({"a": 1, "b": 2}, max_tokens=100)
    assert error.value.path == "max_tokens"


def test_batch_sizes_are_positive() -> None:
    with pytest.raises(ConfigurationError) as error:
        HomogeneousRoundRobinScheduler({"a": 1, "b": 0})
    assert (error.value.path, error.value.message) == (
        "batch_size.b",
        "expected 1 or more, found 0",
    )
