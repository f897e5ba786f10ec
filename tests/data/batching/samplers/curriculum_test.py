from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.samplers import (
    CurriculumSampler,
    MultiTaskEpochSampler,
    WeightedSampler,
)
from tests.data.sentences import of_lengths
from tests.planned import check

SIZES = {"weibo": 100, "msra": 10_000}
weights = st.fixed_dictionaries({"weibo": st.floats(0.1, 10), "msra": st.floats(0.1, 10)})


def test_weights_by_hand() -> None:
    sampler = CurriculumSampler(
        {"weibo": 0, "msra": 4}, {"weibo": 6, "msra": 2}, until=0.5, instances_per_epoch=800
    )
    sentences = [
        sampler.sentences_per_epoch(SIZES, progress)["weibo"]
        for progress in (0, 0.125, 0.25, 0.5, 0.75, 1)
    ]
    # The weight of weibo is 0, 1.5, 3, 6 out of 4, 5, 6, 8.
    assert sentences == [0, 240, 400, 600, 600, 600]


def test_epochs_of_a_run() -> None:
    """Five epochs have progress 0, 1/4, 1/2, 3/4 and 1; a single epoch has 0."""
    sampler = CurriculumSampler({"a": 1, "b": 0}, {"a": 0, "b": 1}, instances_per_epoch=8)
    loader = DataLoader(sampler=sampler)
    loader.set_sentences(of_lengths(a=[1] * 8, b=[1] * 8), 0)

    def drawn(epochs: int) -> list[int]:
        plans = [loader.plan(epoch, epochs) for epoch in range(epochs)]
        return [sum(name == "b" for batch in plan for name, _ in batch) for plan in plans]

    assert drawn(5) == [0, 2, 4, 6, 8]
    assert drawn(1) == [0] and drawn(2) == [0, 8]
    # Beyond the last epoch, as in a learning-rate search, the end weights hold.
    assert {name for batch in loader.plan(7, 5) for name, _ in batch} == {"b"}


@given(weights, weights, st.floats(0.01, 1), st.floats(0, 1), st.integers(1, 10**5))
@example({"weibo": 1.0, "msra": 1.0}, {"weibo": 2.0, "msra": 1.0}, 0.3, 0.3, 1000)
def test_moves_monotonically_between_two_weighted_samplers(
    start: dict[str, float], end: dict[str, float], until: float, progress: float, total: int
) -> None:
    sampler = CurriculumSampler(start, end, until, instances_per_epoch=total)
    first, last = (
        WeightedSampler(w, instances_per_epoch=total).sentences_per_epoch(SIZES)
        for w in (start, end)
    )
    assert sampler.sentences_per_epoch(SIZES) == first
    assert (
        sampler.sentences_per_epoch(SIZES, until) == sampler.sentences_per_epoch(SIZES, 1.0) == last
    )
    now = sampler.sentences_per_epoch(SIZES, progress)["weibo"]
    low, high = sorted((first["weibo"], last["weibo"]))
    assert low <= now <= high
    # The share of one of two datasets moves in one direction.
    later = sampler.sentences_per_epoch(SIZES, min(1.0, progress + 0.1))["weibo"]
    assert now <= later if last["weibo"] > first["weibo"] else now >= later


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"until": 0}, "until", "expected above 0 and at most 1, found 0.0"),
        ({"until": 1.5}, "until", "expected above 0 and at most 1, found 1.5"),
        (
            {"end": {"weibo": 1, "msra": -1}},
            "end.msra",
            "expected a weight of 0 or more, found -1.0",
        ),
        ({"start": {"weibo": 0, "msra": 0}}, "start", "expected a weight above 0, found none"),
        (
            {"start": {"weibo": 0, "msra": 1}, "anchor": "weibo"},
            "start.weibo",
            "the anchor needs a weight above 0",
        ),
    ],
)
def test_wrong_settings(settings: dict[str, Any], path: str, message: str) -> None:
    config = {
        "type": "curriculum",
        "start": {"weibo": 1, "msra": 1},
        "end": {"weibo": 1, "msra": 1},
        **settings,
    }
    with pytest.raises(ConfigurationError) as error:
        construct(MultiTaskEpochSampler, config, "data_loader.sampler")
    assert (error.value.path, error.value.message) == (f"data_loader.sampler.{path}", message)


@pytest.mark.parametrize("key", ["start", "end"])
def test_weights_and_datasets_must_agree(key: str) -> None:
    both_weights = {
        "start": {"weibo": 1.0, "msra": 1.0},
        "end": {"weibo": 1.0, "msra": 1.0},
        key: {"weibo": 1.0},
    }
    with pytest.raises(ConfigurationError) as error:
        check(
            MultiTaskEpochSampler,
            {"type": "curriculum", **both_weights},
            "data_loader.sampler",
            SIZES,
        )
    assert error.value.path == f"data_loader.sampler.{key}.msra"
