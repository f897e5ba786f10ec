import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers import LossBasedSampler, MultiTaskEpochSampler
from tests.planned import check

SIZES = {"weibo": 100, "msra": 10_000, "raw": 50}
HEADS = {"weibo": "social", "msra": "news", "raw": None}
losses = st.floats(0, 1e6) | st.just(math.nan) | st.just(math.inf)


def sampler_of(
    *epochs: tuple[float, float], heads: dict[str, str | None] | None = None, **settings: float
) -> LossBasedSampler:
    """Return a sampler after epochs with these training losses of heads "social" and "news"."""
    sampler = LossBasedSampler(**settings)  # type: ignore[arg-type]
    sampler.set_heads(heads or HEADS)
    for social, news in epochs:
        sampler.update_from_epoch_metrics(
            {"training_social_loss": social, "training_news_loss": news}
        )
    return sampler


def test_sentences_by_hand() -> None:
    """Losses fell to 3/4 and 1/4, 1/2 on average: r is 1.5, 0.5 and, without a head, 1."""
    sampler = sampler_of((4, 8), (3, 2), floor=0.0)
    sampler.instances_per_epoch = 600
    assert sampler.sentences_per_epoch(SIZES) == {"weibo": 300, "msra": 100, "raw": 200}
    squared = sampler_of((4, 8), (3, 2), floor=0.0, strength=2)
    squared.instances_per_epoch = 140
    # 9 to 1 to 4.
    assert squared.sentences_per_epoch(SIZES) == {"weibo": 90, "msra": 10, "raw": 40}
    # The floor is a tenth for each; the other seven tenths are shared as above.
    floored = sampler_of((4, 8), (3, 2), floor=0.1)
    assert floored.get_task_proportions(SIZES) == pytest.approx(
        {"weibo": 0.45, "msra": 0.1 + 0.7 / 6, "raw": 1 / 3}
    )


def test_draws_equally_before_losses_can_be_compared() -> None:
    for sampler in (
        LossBasedSampler(),
        sampler_of(),
        sampler_of((5, 1)),
        sampler_of((5, 1), (3, 2), strength=0.0),
    ):
        assert sampler.sentences_per_epoch({"a": 7, "b": 8}) == {"a": 8, "b": 7}
        assert sampler.get_task_proportions(SIZES) == pytest.approx(dict.fromkeys(SIZES, 1 / 3))


def test_validation_loss_takes_precedence_over_training_loss() -> None:
    sampler = sampler_of(floor=0.0)
    for validation, training in ((1.0, 1.0), (0.9, 0.1)):
        sampler.update_from_epoch_metrics(
            {
                "validation_social_loss": validation,
                "training_social_loss": training,
                "training_news_loss": training,
            }
        )
    shares = sampler.get_task_proportions(SIZES)
    assert shares["weibo"] / shares["msra"] == pytest.approx(9)


def test_datasets_of_one_head_have_the_same_share() -> None:
    heads: dict[str, str | None] = {"weibo": "social", "msra": "news", "raw": "news"}
    shares = sampler_of((4, 8), (3, 2), heads=heads, floor=0.0).get_task_proportions(SIZES)
    assert shares == pytest.approx({"weibo": 0.6, "msra": 0.2, "raw": 0.2})


@given(
    st.lists(st.tuples(losses, losses), max_size=5),
    st.floats(0, 20),
    st.floats(0, 1 / 3),
    st.integers(1, 10**6),
)
def test_shares_are_at_least_the_floor_and_all_epochs_have_equal_length(
    epochs: list[tuple[float, float]], strength: float, floor: float, total: int
) -> None:
    sampler = sampler_of(*epochs, strength=strength, floor=floor)
    sampler.instances_per_epoch = total
    sentences = sampler.sentences_per_epoch(SIZES)
    assert sum(sentences.values()) == total
    assert all(count >= math.floor(floor * total - 1e-6) for count in sentences.values())


@given(st.tuples(*[st.floats(0.1, 10)] * 4), st.floats(0.1, 3))
def test_the_head_that_learns_more_slowly_is_drawn_more(
    values: tuple[float, float, float, float], strength: float
) -> None:
    shares = sampler_of(values[:2], values[2:], strength=strength).get_task_proportions(SIZES)
    social, news = values[2] / values[0], values[3] / values[1]
    assert (
        (shares["weibo"] >= shares["msra"])
        if social > news
        else (shares["weibo"] <= shares["msra"] + 1e-12)
    )


@given(st.lists(st.tuples(losses, losses), max_size=6), st.integers(0, 6))
def test_resumed_sampler_draws_the_same(epochs: list[tuple[float, float]], stop: int) -> None:
    whole = sampler_of(*epochs)
    state = sampler_of(*epochs[:stop]).state_dict()
    assert json.loads(json.dumps(state)) == state
    resumed = sampler_of()
    resumed.load_state_dict(json.loads(json.dumps(state)))
    for social, news in epochs[stop:]:
        resumed.update_from_epoch_metrics(
            {"training_social_loss": social, "training_news_loss": news}
        )
    assert resumed.get_task_proportions(SIZES) == whole.get_task_proportions(SIZES)
    assert resumed.state_dict() == whole.state_dict()


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"strength": -1}, "strength", "expected 0 or more, found -1.0"),
        ({"floor": -0.1}, "floor", "expected 0 or more, found -0.1"),
        ({"instances_per_epoch": 0}, "instances_per_epoch", "expected 1 or more, found 0"),
        ({"anchor": "weibo"}, "anchor", "unknown key"),
    ],
)
def test_wrong_settings(settings: dict[str, float], path: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        construct(MultiTaskEpochSampler, {"type": "loss_based", **settings}, "data_loader.sampler")
    assert error.value.path == f"data_loader.sampler.{path}" and error.value.message.startswith(
        message
    )


def test_a_floor_that_leaves_no_room() -> None:
    settings = {"type": "loss_based", "floor": 0.25}
    check(MultiTaskEpochSampler, settings, "data_loader.sampler", "abcd")
    with pytest.raises(ConfigurationError) as error:
        check(MultiTaskEpochSampler, {**settings, "floor": 0.4}, "data_loader.sampler", SIZES)
    assert error.value.path == "data_loader.sampler.floor"
    assert error.value.message == "expected at most 0.3333, 1 / number of datasets, found 0.4"
    with pytest.raises(ConfigurationError, match=r"^floor: expected at most 0\.3333"):
        LossBasedSampler(floor=0.4).sentences_per_epoch(SIZES)
