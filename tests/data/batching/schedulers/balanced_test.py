from collections import Counter

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers import BalancedScheduler
from tests.data.sentences import of_lengths, realistic_lengths

limits = st.builds(dict, batch_size=st.integers(1, 17)) | st.builds(
    dict, max_tokens=st.integers(1, 600)
)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
    limits,
    st.integers(1, 6),
    st.integers(0, 3),
)
@example([1, 60], {"batch_size": 7}, 2, 0)
def test_every_batch_has_equally_many_sentences_of_every_dataset_within_one(
    sizes: list[int], limit: dict[str, int], pool: int, seed: int
) -> None:
    named = {f"d{i}": size for i, size in enumerate(sizes)}
    loader = DataLoader(BalancedScheduler(**limit, pool=pool))
    loader.set_sentences(
        of_lengths(**{name: realistic_lengths(size, size) for name, size in named.items()}), seed
    )
    batches = loader.plan(0)
    for batch in batches:
        counts = Counter(name for name, _ in batch)
        numbers = [counts[name] for name in named]
        assert max(numbers) - min(numbers) <= 1
    # Small datasets are repeated, each sentence equally often within one; the largest is not.
    sentences = Counter(pair for batch in batches for pair in batch)
    for name, size in named.items():
        times = [sentences[name, sentence] for sentence in range(size)]
        assert sum(times) == max(sizes) and max(times) - min(times) <= 1


def test_sentences_drawn() -> None:
    scheduler = BalancedScheduler()
    assert scheduler.draws({"weibo": 10, "msra": 700, "raw": 0}) == {
        "weibo": 700,
        "msra": 700,
        "raw": 0,
    }
    assert scheduler.count({"weibo": 700, "msra": 700, "raw": 0}) == 44


def test_even_batches_and_no_dataset_runs_out() -> None:
    loader = DataLoader(BalancedScheduler(batch_size=8))
    loader.set_sentences(of_lengths(a=[3] * 10, b=[4] * 150), 0)
    plan = loader.plan(0)
    # 300 sentences in ceil(300 / 8) batches.
    assert len(plan) == 38 and {len(batch) for batch in plan} == {7, 8}
    for quarter in np.array_split(np.arange(len(plan)), 4):
        names = Counter(name for i in quarter for name, _ in plan[i])
        # Batches of 7 have one more of either.
        assert abs(names["a"] - names["b"]) <= 2
