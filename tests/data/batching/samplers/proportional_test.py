import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler, ProportionalSampler

SIZES = {"weibo": 100, "msra": 10_000}


@pytest.mark.parametrize(
    ("alpha", "sentences"),
    [
        (1.0, {"weibo": 100, "msra": 10_000}),
        # Proportions 10 to 100, of 10,100 sentences.
        (0.5, {"weibo": 918, "msra": 9_182}),
        (0.0, {"weibo": 5_050, "msra": 5_050}),
        # Proportions 10,000 to 100,000,000.
        (2.0, {"weibo": 1, "msra": 10_099}),
    ],
)
def test_sentences(alpha: float, sentences: dict[str, int]) -> None:
    assert ProportionalSampler(alpha).sentences_per_epoch(SIZES) == sentences


def test_sentences_of_an_anchor() -> None:
    assert ProportionalSampler(0.5, anchor="weibo").sentences_per_epoch(SIZES) == {
        "weibo": 100,
        "msra": 1_000,
    }


def test_temperature_is_one_over_alpha() -> None:
    assert ProportionalSampler(temperature=2).sentences_per_epoch(SIZES) == {
        "weibo": 918,
        "msra": 9_182,
    }
    assert ProportionalSampler(temperature=1).sentences_per_epoch(SIZES) == SIZES
    # 100 ** (1 / 4) to 10,000 ** (1 / 4) is 3.16 to 10, of 1,000.
    assert ProportionalSampler(temperature=4, instances_per_epoch=1_000).sentences_per_epoch(
        SIZES
    ) == {
        "weibo": 240,
        "msra": 760,
    }


def test_a_dataset_counts_as_at_most_the_cap() -> None:
    assert ProportionalSampler(cap=400).sentences_per_epoch(SIZES) == {"weibo": 100, "msra": 400}
    # Proportions 10 to 20, of 500.
    assert ProportionalSampler(temperature=2, cap=400).sentences_per_epoch(SIZES) == {
        "weibo": 167,
        "msra": 333,
    }
    assert ProportionalSampler(cap=400, instances_per_epoch=50).sentences_per_epoch(SIZES) == {
        "weibo": 10,
        "msra": 40,
    }
    # The anchor is drawn whole regardless of the cap; the proportions are 400 to 100.
    assert ProportionalSampler(cap=400, anchor="msra").sentences_per_epoch(SIZES) == {
        "weibo": 2_500,
        "msra": 10_000,
    }


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6), st.integers(1, 10**6))
def test_with_a_cap_each_dataset_is_drawn_once_or_up_to_the_cap(sizes: list[int], cap: int) -> None:
    named = {str(i): size for i, size in enumerate(sizes)}
    sentences = ProportionalSampler(cap=cap).sentences_per_epoch(named)
    assert sentences == {name: min(size, cap) for name, size in named.items()}


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        (
            {"alpha": 0.5, "temperature": 2},
            "temperature",
            "alpha and temperature set the same value: set one of them",
        ),
        ({"alpha": -1}, "alpha", "expected 0 or more, found -1.0"),
        ({"temperature": 0}, "temperature", "expected more than 0, found 0.0"),
        ({"temperature": -1}, "temperature", "expected more than 0, found -1.0"),
        ({"cap": 0}, "cap", "expected 1 or more, found 0"),
    ],
)
def test_wrong_settings(settings: dict[str, float], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(
            MultiTaskEpochSampler, {"type": "proportional", **settings}, "data_loader.sampler"
        )
    assert (error.value.path, error.value.message) == (f"data_loader.sampler.{path}", message)
