import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.loaders import evaluation_batches
from ner_adv_plugin.data.batching.targets import PerSentence
from tests.data.sentences import of_lengths, realistic_lengths


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(1, 12), st.integers(1, 200)
)
@example([0, 0], 1, 1)
@example([40, 40, 1], 2, 80)
def test_every_sentence_once_within_the_limits(
    lengths: list[int], batch_size: int, max_tokens: int
) -> None:
    sentences = of_lengths(a=lengths)["a"]
    batches = list(evaluation_batches(sentences, batch_size, max_tokens))
    seen = [sentence for batch in batches for sentence in batch.sentence_ids]
    assert sorted(seen) == [sentence for sentence, length in enumerate(lengths) if length]
    for batch in batches:
        assert 1 <= len(batch) <= batch_size
        assert batch.token_ids_BL.numel() <= max_tokens or len(batch) == 1
        assert batch.lengths == [lengths[sentence] for sentence in batch.sentence_ids]
    # Longest first, equal lengths in file order: if memory runs out, it does so at once.
    assert seen == sorted(seen, key=lambda sentence: (-lengths[sentence], sentence))


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=60), st.integers(1, 12), st.integers(40, 400)
)
def test_batches_are_as_large_as_the_limits_allow(
    lengths: list[int], batch_size: int, max_tokens: int
) -> None:
    batches = list(evaluation_batches(of_lengths(a=lengths)["a"], batch_size, max_tokens))
    for batch in batches[:-1]:
        assert len(batch) == batch_size or batch.lengths[0] * (len(batch) + 1) > max_tokens


@pytest.mark.parametrize("batch_size", [1, 64])
def test_batches_carry_targets(batch_size: int) -> None:
    sentences = of_lengths(a=realistic_lengths(100))["a"]
    sentences.targets = {"heads.a": {"number": PerSentence(np.arange(100))}}
    for batch in evaluation_batches(sentences, batch_size):
        assert batch.owned_by("heads.a").targets["number"].tolist() == batch.sentence_ids
        assert batch.heads == ["a"] * len(batch)
        assert batch.totals == {"a": len(batch)}
