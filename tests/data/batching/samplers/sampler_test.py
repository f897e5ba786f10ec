"""Properties of all samplers."""

import json
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers import (
    CurriculumSampler,
    LossBasedSampler,
    MultiTaskEpochSampler,
    ProportionalSampler,
    SubsampleToSmallestSampler,
    UniformSampler,
    WeightedSampler,
)
from ner_adv_plugin.data.batching.samplers.sampler import MOST_SENTENCES
from tests.planned import check

NAMES = "abcdef"
dataset_sizes = st.lists(st.integers(1, 2_000_000), min_size=1, max_size=6).map(
    lambda sizes: dict(zip(NAMES, sizes, strict=False))
)
weight_lists = st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=6)
totals = st.none() | st.integers(1, 3_000_000)


def samplers_of(
    sizes: dict[str, int], weights: list[float], **settings: Any
) -> list[MultiTaskEpochSampler]:
    return [
        ProportionalSampler(**settings),
        ProportionalSampler(alpha=0.5, **settings),
        ProportionalSampler(alpha=0, **settings),
        ProportionalSampler(temperature=3, **settings),
        UniformSampler(**settings),
        WeightedSampler(dict(zip(sizes, weights, strict=False)), **settings),
        CurriculumSampler(
            dict(zip(sizes, weights, strict=False)),
            dict(zip(sizes, reversed(weights), strict=False)),
            **settings,
        ),
    ]


def exact_shares(
    sampler: MultiTaskEpochSampler, sizes: dict[str, int], progress: float
) -> dict[str, Fraction]:
    """Return the exact share of each dataset as a fraction of the sampler's proportions."""
    proportions = {
        name: Fraction(value) for name, value in sampler.proportions_at(sizes, progress).items()
    }
    return {name: value / sum(proportions.values()) for name, value in proportions.items()}


@given(dataset_sizes, weight_lists, totals, st.floats(0, 1))
@example({"a": 1, "b": 1, "c": 1}, [1.0] * 6, 1, 0.0)
@example(dict.fromkeys(NAMES, 7), [0.1] * 6, 10, 1.0)
def test_shares_sum_exactly(
    sizes: dict[str, int], weights: list[float], total: int | None, progress: float
) -> None:
    for sampler in [
        *samplers_of(sizes, weights, instances_per_epoch=total),
        LossBasedSampler(instances_per_epoch=total),
    ]:
        sentences = sampler.sentences_per_epoch(sizes, progress)
        wanted = total or sum(sizes.values())
        assert list(sentences) == list(sizes) and sum(sentences.values()) == wanted
        for name, share in exact_shares(sampler, sizes, progress).items():
            assert abs(sentences[name] - wanted * share) < 1 + 1e-6


@given(dataset_sizes)
def test_proportional_draws_every_sentence_once(sizes: dict[str, int]) -> None:
    assert ProportionalSampler().sentences_per_epoch(sizes) == sizes


@given(dataset_sizes, weight_lists, st.floats(0, 1))
def test_anchor_is_drawn_once_and_others_in_proportion(
    sizes: dict[str, int], weights: list[float], progress: float
) -> None:
    for anchor in sizes:
        for sampler in samplers_of(sizes, weights, anchor=anchor):
            shares = exact_shares(sampler, sizes, progress)
            if sizes[anchor] / shares[anchor] > MOST_SENTENCES * (1 + 1e-6):
                with pytest.raises(ConfigurationError, match="an epoch would have"):
                    sampler.sentences_per_epoch(sizes, progress)
                continue
            sentences = sampler.sentences_per_epoch(sizes, progress)
            assert sentences[anchor] == sizes[anchor]
            for name in sizes:
                exact = sizes[anchor] * shares[name] / shares[anchor]
                assert abs(sentences[name] - exact) <= Fraction(1, 2) + exact / 10**9


@pytest.mark.parametrize(
    ("total", "sentences"),
    [(10, {"a": 5, "b": 3, "c": 2}), (11, {"a": 6, "b": 3, "c": 2}), (1, {"a": 1, "b": 0, "c": 0})],
)
def test_largest_remainder_by_hand(total: int, sentences: dict[str, int]) -> None:
    """Of 10: 5, 3, 2. Of 11: 5.5, 3.3, 2.2. Of 1: 0.5, 0.3, 0.2."""
    sampler = WeightedSampler({"a": 0.5, "b": 0.3, "c": 0.2}, instances_per_epoch=total)
    assert sampler.sentences_per_epoch({"a": 1, "b": 1, "c": 1}) == sentences


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        (
            {"anchor": "a", "instances_per_epoch": 3},
            "anchor",
            "anchor and instances_per_epoch both set the length of an epoch",
        ),
        ({"instances_per_epoch": 0}, "instances_per_epoch", "expected 1 or more, found 0"),
        ({"instances_per_epoch": -3}, "instances_per_epoch", "expected 1 or more, found -3"),
    ],
)
@pytest.mark.parametrize(
    "sampler",
    [
        {"type": "proportional"},
        {"type": "uniform"},
        {"type": "weighted", "weights": {}},
        {"type": "curriculum", "start": {"a": 1}, "end": {"a": 1}},
    ],
)
def test_wrong_settings(
    sampler: dict[str, Any], settings: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(MultiTaskEpochSampler, {**sampler, **settings}, "data_loader.sampler")
    assert error.value.path == f"data_loader.sampler.{path}" and error.value.message.startswith(
        message
    )


def test_unknown_anchor() -> None:
    with pytest.raises(ConfigurationError) as error:
        check(
            MultiTaskEpochSampler,
            {"type": "uniform", "anchor": "webo"},
            "data_loader.sampler",
            ["weibo", "msra"],
        )
    assert error.value.path == "data_loader.sampler.anchor"
    assert error.value.message == 'no dataset "webo". Did you mean "weibo"? Datasets: weibo, msra.'


class SharesSampler(MultiTaskEpochSampler):
    """A custom sampler with given shares, which nobody has checked."""

    def __init__(self, shares: dict[str, float], anchor: str | None = None) -> None:
        super().__init__(anchor)
        self.shares = shares

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        return self.shares


@pytest.mark.parametrize(
    ("sampler", "path", "message"),
    [
        (SharesSampler({"a": math.nan, "b": 1}), "", "a has a share of nan, expected 0 or more"),
        (SharesSampler({"a": 1, "b": math.inf}), "", "b has a share of inf, expected 0 or more"),
        (SharesSampler({"a": -1, "b": 2}), "", "a has a share of -1, expected 0 or more"),
        (SharesSampler({"a": 0, "b": 0}), "", "all shares are 0: no sentences would be drawn"),
        (
            SharesSampler({"a": 0, "b": 1}, anchor="a"),
            "anchor",
            "expected a share above 0, found 0",
        ),
        (
            WeightedSampler({"a": 1e-9, "b": 1}, anchor="a"),
            "anchor",
            "an epoch would have 1e+12 sentences, expected at most 100,000,000",
        ),
        (
            WeightedSampler({"a": 5e-324, "b": 1e300}, anchor="a"),
            "anchor",
            "an epoch would have inf sentences, expected at most 100,000,000",
        ),
        (
            ProportionalSampler(alpha=1e3),
            "alpha",
            "40000 ** 1000 is too large for a float: expected an exponent of at most 66",
        ),
        (
            ProportionalSampler(temperature=1e-3),
            "temperature",
            "40000 ** 1000 is too large for a float: expected an exponent of at most 66",
        ),
        (ProportionalSampler(temperature=1e-310), "", "a has a share of inf, expected 0 or more"),
        (
            UniformSampler(instances_per_epoch=10**12),
            "instances_per_epoch",
            "an epoch would have 1e+12 sentences, expected at most 100,000,000",
        ),
    ],
)
def test_epochs_that_cannot_be_planned(
    sampler: MultiTaskEpochSampler, path: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        sampler.sentences_per_epoch({"a": 1_000, "b": 40_000})
    assert (error.value.path, error.value.message) == (path, message)


def test_extreme_shares_that_can_be_planned() -> None:
    """With an epoch of a given length, a tiny share draws nothing."""
    for sampler in (WeightedSampler({"a": 1e-300, "b": 1}), ProportionalSampler(alpha=60)):
        drawn = sampler.sentences_per_epoch({"a": 1_000, "b": 40_000})
        assert drawn == {"a": 0, "b": 41_000}


def test_states_are_plain_types() -> None:
    for sampler in [
        *samplers_of({"a": 1}, [1.0]),
        SubsampleToSmallestSampler(),
        LossBasedSampler(),
    ]:
        state = json.loads(json.dumps(sampler.state_dict()))
        sampler.load_state_dict(state)
        assert sampler.sentences_per_epoch({"a": 1}) == {"a": 1}
