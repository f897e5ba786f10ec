import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.schedulers.batch_limit import BatchLimit

sentence_lengths = st.lists(st.integers(0, 50), max_size=60)


@given(sentence_lengths, st.integers(1, 200))
@example([300, 1, 1, 300], 10)
@example([0, 0, 0], 2)
def test_batches_by_max_tokens_are_as_few_and_even_as_possible(
    lengths: list[int], tokens: int
) -> None:
    sizes = BatchLimit(tokens=tokens).cut(lengths)
    assert sum(sizes) == len(lengths) and all(size >= 1 for size in sizes)
    start, largest = 0, 0
    for size in sizes:
        # Sentences without characters count as one.
        cost = size * max(1, *lengths[start : start + size])
        assert cost <= tokens or size == 1
        largest = max(largest, cost if size > 1 else 1)
        start += size
    assert len(sizes) == len(filled(lengths, tokens))
    # Any smaller limit needs more batches.
    assert largest <= 1 or len(filled(lengths, largest - 1)) > len(sizes)


def filled(lengths: list[int], tokens: int) -> list[list[int]]:
    """Fill one batch after the other."""
    batches: list[list[int]] = []
    for length in lengths:
        if batches and (len(batches[-1]) + 1) * max(1, length, *batches[-1]) <= tokens:
            batches[-1].append(length)
        else:
            batches.append([length])
    return batches


@given(sentence_lengths, st.integers(1, 20))
def test_batches_of_sentences(lengths: list[int], sentences: int) -> None:
    sizes = BatchLimit(sentences=sentences).cut(lengths)
    assert sum(sizes) == len(lengths) and len(sizes) == BatchLimit(sentences=sentences).count(
        len(lengths)
    )
    assert all(1 <= size <= sentences for size in sizes)
    assert not sizes or max(sizes) - min(sizes) <= 1


def test_by_hand() -> None:
    # 3 x 4 characters fit into 12, 4 x 4 do not; 5 and 7 would make 14.
    assert BatchLimit(tokens=12).cut([2, 3, 4, 4, 5, 7, 13, 1]) == [3, 2, 1, 1, 1]
    assert BatchLimit(tokens=12).count(8) is None
    assert BatchLimit(tokens=12).cut([4, 4, 4, 4]) == [2, 2]
    assert BatchLimit().cut([1] * 70) == [23, 23, 24] and BatchLimit().count(70) == 3


def test_pools() -> None:
    # 13 batches, in pools of 6 and 7.
    assert BatchLimit(sentences=8).pools(10, np.full(100, 20)) == [46, 54]
    assert BatchLimit(sentences=8).pools(50, np.full(100, 20)) == [100]
    assert BatchLimit(sentences=8).pools(50, np.array([], dtype=np.int64)) == []
    # Sentences of 20 characters on average: 10 per batch, 50 per pool.
    assert BatchLimit(tokens=200).pools(5, np.array([10, 30] * 60)) == [40, 40, 40]
    assert BatchLimit(tokens=1).pools(1, np.array([500, 500])) == [1, 1]
    assert BatchLimit(tokens=7).pools(2, np.array([0, 0])) == [2]


@given(st.integers(0, 500), st.integers(1, 20), st.integers(1, 20))
def test_batches_of_pools_are_as_many_as_counted(total: int, sentences: int, pool: int) -> None:
    limit = BatchLimit(sentences=sentences)
    sizes = [limit.cut([1] * size) for size in limit.pools(pool, np.ones(total, dtype=np.int64))]
    assert sum(map(sum, sizes)) == total and sum(map(len, sizes)) == limit.count(total)
    assert all(len(batches) <= pool for batches in sizes)
    flat = [size for batches in sizes for size in batches]
    assert not flat or max(flat) - min(flat) <= 1


@pytest.mark.parametrize(
    ("sentences", "tokens", "path"),
    [(1, 1, "max_tokens"), (0, None, "batch_size"), (None, 0, "max_tokens")],
)
def test_wrong_sizes(sentences: int | None, tokens: int | None, path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        BatchLimit(sentences, tokens)
    assert error.value.path == path
