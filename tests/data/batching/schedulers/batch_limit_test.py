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
def test_batches_are_as_large_as_max_tokens_allows(lengths: list[int], tokens: int) -> None:
    sizes = BatchLimit(tokens=tokens).cut(lengths)
    assert sum(sizes) == len(lengths) and all(size >= 1 for size in sizes)
    start = 0
    for size in sizes:
        # Sentences without characters count as one.
        cost = size * max(1, *lengths[start : start + size])
        assert cost <= tokens or size == 1
        if start + size < len(lengths):
            assert (size + 1) * max(1, *lengths[start : start + size + 1]) > tokens
        start += size


@given(sentence_lengths, st.integers(1, 20))
def test_batches_of_sentences(lengths: list[int], sentences: int) -> None:
    sizes = BatchLimit(sentences=sentences).cut(lengths)
    assert sum(sizes) == len(lengths) and len(sizes) == BatchLimit(sentences=sentences).count(
        len(lengths)
    )
    assert all(size == sentences for size in sizes[:-1]) and all(
        1 <= size <= sentences for size in sizes
    )


def test_by_hand() -> None:
    # 3 x 4 characters fit into 12, 4 x 4 do not; 5 and 7 would make 14.
    assert BatchLimit(tokens=12).cut([2, 3, 4, 4, 5, 7, 13, 1]) == [3, 2, 1, 1, 1]
    assert BatchLimit(tokens=12).count(8) is None
    assert BatchLimit().cut([1] * 70) == [32, 32, 6] and BatchLimit().count(70) == 3


def test_pool_size() -> None:
    assert BatchLimit(sentences=8).pool_size(50, np.array([100])) == 400
    # Sentences of 20 characters on average: 10 per batch.
    assert BatchLimit(tokens=200).pool_size(5, np.array([10, 30, 20])) == 50
    assert BatchLimit(tokens=1).pool_size(1, np.array([500])) == 1
    assert BatchLimit(tokens=7).pool_size(2, np.array([0, 0])) == 28


@pytest.mark.parametrize(
    ("sentences", "tokens", "path"),
    [(1, 1, "max_tokens"), (0, None, "batch_size"), (None, 0, "max_tokens")],
)
def test_wrong_sizes(sentences: int | None, tokens: int | None, path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        BatchLimit(sentences, tokens)
    assert error.value.path == path
