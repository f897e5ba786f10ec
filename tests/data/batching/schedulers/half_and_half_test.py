from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers import HalfAndHalfScheduler, MultiTaskScheduler
from tests.data.sentences import of_lengths, realistic_lengths
from tests.planned import check

limits = st.builds(dict, batch_size=st.integers(1, 17)) | st.builds(
    dict, max_tokens=st.integers(1, 600)
)


@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=5),
    limits,
    st.integers(1, 6),
    st.integers(0, 3),
)
@example([60, 1, 1], {"batch_size": 7}, 2, 0)
@example([1, 60, 30], {"batch_size": 8}, 2, 0)
def test_half_of_every_batch_is_the_target(
    sizes: list[int], limit: dict[str, int], pool: int, seed: int
) -> None:
    named = {f"d{i}": size for i, size in enumerate(sizes)}
    loader = DataLoader(HalfAndHalfScheduler("d0", **limit, pool=pool))
    loader.set_sentences(
        of_lengths(**{name: realistic_lengths(size, size) for name, size in named.items()}), seed
    )
    batches = loader.plan(0)
    for batch in batches:
        target = sum(name == "d0" for name, _ in batch)
        assert abs(target - (len(batch) - target)) <= 1
    half, others = max(sizes[0], sum(sizes[1:])), sum(sizes[1:])
    sentences = Counter(pair for batch in batches for pair in batch)
    for name, size in named.items():
        times = [sentences[name, sentence] for sentence in range(size)]
        exact = half if name == "d0" else half * size / others
        assert abs(sum(times) - exact) < 1 and max(times) - min(times) <= 1
    assert sentences.total() == 2 * half


@given(st.integers(1, 80), st.lists(st.integers(1, 80), min_size=2, max_size=4), st.integers(1, 17))
def test_the_others_are_spread_evenly_over_their_half(
    target: int, others: list[int], batch_size: int
) -> None:
    asked = {"t": target} | {f"o{i}": count for i, count in enumerate(others)}
    scheduler = HalfAndHalfScheduler("t", batch_size)
    counts = scheduler.draws(asked)
    order = [name for name in scheduler.order(counts) if name != "t"]
    for name in asked.keys() - {"t"}:
        share = counts[name] / len(order)
        for start in range(0, len(order), batch_size):
            run = order[start : start + batch_size]
            assert abs(run.count(name) - share * len(run)) <= 1 + share * (len(others) - 2) + 1e-9


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ({"t": 10, "a": 30, "b": 10}, {"t": 40, "a": 30, "b": 10}),
        ({"t": 80, "a": 30, "b": 10}, {"t": 80, "a": 60, "b": 20}),
        ({"a": 1, "t": 5, "b": 1}, {"a": 3, "t": 5, "b": 2}),
        # If one half is empty, batches consist of the other.
        ({"t": 0, "a": 30, "b": 10}, {"t": 0, "a": 30, "b": 10}),
        ({"t": 7, "a": 0, "b": 0}, {"t": 7, "a": 0, "b": 0}),
    ],
)
def test_sentences_drawn(asked: dict[str, int], drawn: dict[str, int]) -> None:
    scheduler = HalfAndHalfScheduler("t", batch_size=4)
    assert scheduler.draws(asked) == drawn
    assert Counter(scheduler.order(drawn)) == Counter(drawn)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["weibo", "msra"], 'no dataset "webo". Did you mean "weibo"? Datasets: weibo, msra.'),
        (["webo"], "there is no other dataset for the other half"),
    ],
)
def test_target_and_datasets_must_agree(names: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check(
            MultiTaskScheduler,
            {"type": "half_and_half", "target": "webo"},
            "data_loader.scheduler",
            names,
        )
    assert (error.value.path, error.value.message) == ("data_loader.scheduler.target", message)
