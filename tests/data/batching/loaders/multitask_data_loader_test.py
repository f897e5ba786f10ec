"""Sentences and batches of an epoch, their counts, resumed runs, and invalid settings."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.samplers import (
    ProportionalSampler,
    UniformSampler,
    WeightedSampler,
)
from ner_adv_plugin.data.batching.schedulers import MultiTaskScheduler, RoundRobinScheduler
from tests.data.batching.loaders.planning import (
    BY_TOKENS,
    REPEATING,
    SAMPLERS,
    SCHEDULERS,
    counted,
    either_scheduler,
    every_sampler,
    every_scheduler,
    loader_of,
    plans,
    run_epoch,
)
from tests.data.sentences import of_lengths
from tests.planned import check


def test_defaults() -> None:
    loader = loader_of(batch_size=5)
    assert (
        isinstance(loader.scheduler, RoundRobinScheduler) and loader.scheduler.limit.sentences == 5
    )
    assert isinstance(loader.sampler, ProportionalSampler) and loader.leakage == "drop"
    assert len(loader) == -(-92 // 5)
    with pytest.raises(
        ConfigurationError, match="leakage: found 'dorp', expected one of 'drop', 'error', 'allow'"
    ):
        bind(DataLoader, {"leakage": "dorp"})


@either_scheduler
def test_proportional_draws_every_sentence_once_per_epoch(scheduler: dict[str, Any]) -> None:
    for plan in plans(loader_of(scheduler=scheduler), 3):
        sentences = [
            (name, sentence)
            for name, size in (("a", 60), ("b", 25), ("c", 7))
            for sentence in range(size)
        ]
        assert counted(plan) == Counter(sentences)


@settings(max_examples=40)
@given(
    st.sampled_from(SCHEDULERS + REPEATING + BY_TOKENS),
    st.tuples(*[st.integers(1, 30)] * 3),
    st.tuples(*[st.floats(0.01, 1)] * 3),
    st.integers(1, 90),
    st.integers(0, 3),
)
def test_no_sentence_is_repeated_before_all_others_are_drawn(
    scheduler: dict[str, Any],
    sizes: tuple[int, int, int],
    weights: tuple[float, float, float],
    total: int,
    seed: int,
) -> None:
    """After every epoch the sentences of a dataset were drawn equally often, within one."""
    named = dict(zip("abc", sizes, strict=True))
    loader = DataLoader(
        construct(MultiTaskScheduler, scheduler),
        WeightedSampler(dict(zip("abc", weights, strict=True)), instances_per_epoch=total),
    )
    loader.set_sentences(of_lengths(**{name: [1] * size for name, size in named.items()}), seed)
    asked = loader.sampler.sentences_per_epoch(named)
    wanted = Counter(loader.scheduler.draws(asked))
    assert asked == wanted or scheduler in REPEATING + BY_TOKENS[2:]
    drawn: Counter[tuple[str, int]] = Counter()
    for epoch in range(5):
        plan = loader.plan(epoch)
        assert Counter(name for name, _ in counted(plan).elements()) == wanted
        drawn += counted(plan)
        for name, size in named.items():
            times = [drawn[name, sentence] for sentence in range(size)]
            assert max(times) - min(times) <= 1


def test_a_dataset_drawn_beyond_its_size_repeats_within_an_epoch() -> None:
    loader = loader_of(sampler={"type": "uniform", "anchor": "a"})
    sentences = counted(loader.plan(0))
    assert {times for (name, _), times in sentences.items() if name == "a"} == {1}
    assert {times for (name, _), times in sentences.items() if name == "c"} == {8, 9}
    assert sum(times for (name, _), times in sentences.items() if name == "c") == 60


@every_scheduler
def test_plans_are_a_function_of_seed_and_epoch(scheduler: dict[str, Any]) -> None:
    first = plans(loader_of(3, scheduler=scheduler), 3)
    assert plans(loader_of(3, scheduler=scheduler), 3) == first
    assert first[0] != first[1] != first[2]
    assert plans(loader_of(4, scheduler=scheduler), 1)[0] != first[0]


@every_scheduler
@every_sampler
def test_resumed_run_plans_the_same_as_an_uninterrupted_run(
    scheduler: dict[str, Any], sampler: dict[str, Any], tmp_path: Path
) -> None:
    whole_run = loader_of(scheduler=scheduler, sampler=sampler)
    whole = [run_epoch(whole_run, epoch, 6) for epoch in range(6)]
    begun = loader_of(scheduler=scheduler, sampler=sampler)
    for stop in range(6):
        state = begun.state_dict()
        assert json.loads(json.dumps(state)) == state
        torch.save(state, tmp_path / "state")
        # If a run stops within an epoch, the state is that from before the epoch was planned.
        assert run_epoch(begun, stop, 6) == whole[stop]
        resumed = loader_of(scheduler=scheduler, sampler=sampler)
        resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
        assert [run_epoch(resumed, epoch, 6) for epoch in range(stop, 6)] == whole[stop:]
        # The state is a copy: continuing the first run did not change it.
        assert state == torch.load(tmp_path / "state", weights_only=True)


@every_scheduler
@every_sampler
def test_numbers_of_batches_of_future_epochs_are_exact(
    scheduler: dict[str, Any], sampler: dict[str, Any]
) -> None:
    """Regardless of what was drawn before, and without changing the state."""
    loader = loader_of(scheduler=scheduler, sampler=sampler)
    for num_epochs in (5, 2, 1):
        state = loader.state_dict()
        lengths = loader.batches_per_epoch(num_epochs)
        assert loader.state_dict() == state and loader.batches_per_epoch(num_epochs) == lengths
        assert len(loader) == lengths[0]
        assert [len(loader.plan(epoch, num_epochs)) for epoch in range(num_epochs)] == lengths


def test_numbers_of_batches_may_differ_between_epochs() -> None:
    curriculum = SAMPLERS[4]
    lengths = loader_of(sampler=curriculum, batch_size=1).batches_per_epoch(3)
    # 25 sentences of b with weights 2, 1.5 and 1: 12.5, 16.7 and 25 of a; 0, 25 and 75 of c.
    assert lengths == [25 + 12, 25 + 17 + 25, 25 + 25 + 75]
    assert (
        len(
            set(
                loader_of(
                    scheduler={"type": "roundrobin", "max_tokens": 300, "pool": 2}
                ).batches_per_epoch(8)
            )
        )
        > 1
    )


def test_losses_change_the_shares_and_not_the_length_of_an_epoch() -> None:
    loader = loader_of(sampler=SAMPLERS[5], batch_size=7)
    ahead = loader.batches_per_epoch(5)
    made = [run_epoch(loader, epoch, 5) for epoch in range(5)]
    assert [len(plan) for plan in made] == ahead == [8] * 5
    drawn = [Counter(name for name, _ in counted(plan).elements()) for plan in made]
    assert drawn[0] == drawn[1] == {"a": 17, "b": 17, "c": 16}
    # Loss ratios 1/2 and 1; c has no loss and gets their mean, 3/4. The floors add up to 15 %.
    shares = [0.05 + 0.85 * lag / 2.25 for lag in (0.5, 1.0, 0.75)]
    assert all(
        abs(drawn[2][name] - 50 * share) < 1 for name, share in zip("abc", shares, strict=True)
    )


def test_a_dataset_without_sentences_is_an_error() -> None:
    with pytest.raises(UserError, match="b: there are no training sentences"):
        loader_of(sizes={"a": 3, "b": 0})


def test_a_dataset_that_is_never_drawn_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    loader_of(sampler={"type": "weighted", "weights": {"a": 1, "b": 1, "c": 0.001}})
    assert caplog.messages == ["c: the sampler draws no sentences of this dataset"]
    caplog.clear()
    # A dataset that is drawn in later epochs only is not logged.
    loader_of(
        sampler={
            "type": "curriculum",
            "start": {"a": 1, "b": 1, "c": 0},
            "end": {"a": 1, "b": 0, "c": 1},
        }
    )
    assert not caplog.messages


def test_batches_hold_the_planned_sentences() -> None:
    loader = loader_of(sampler={"type": "uniform"})
    for planned, batch in zip(loader.plan(0), loader_of(sampler={"type": "uniform"}), strict=True):
        assert Counter(zip(batch.datasets, batch.sentence_ids, strict=True)) == Counter(planned)
        assert batch.lengths == sorted(batch.lengths, reverse=True)


def test_wrong_names_are_rejected_before_the_first_epoch() -> None:
    for wrong, path in (
        ({"sampler": {"type": "uniform", "anchor": "z"}}, "data_loader.sampler.anchor"),
        ({"sampler": {"type": "weighted", "weights": {"a": 1}}}, "data_loader.sampler.weights.b"),
        ({"sampler": {"type": "loss_based", "floor": 0.5}}, "data_loader.sampler.floor"),
        ({"sampler": {**SAMPLERS[4], "end": {"a": 1, "b": 1}}}, "data_loader.sampler.end.c"),
        (
            {"scheduler": {**SCHEDULERS[1], "batch_size": {"a": 1}}},
            "data_loader.scheduler.batch_size.b",
        ),
        ({"scheduler": {"type": "half_and_half", "target": "z"}}, "data_loader.scheduler.target"),
    ):
        with pytest.raises(ConfigurationError) as error:
            check(DataLoader, wrong, "data_loader", "abc")
        assert error.value.path == path


def test_an_epoch_that_is_too_long_is_an_error_before_it_is_planned() -> None:
    weights = {"a": 1e-9, "b": 1, "c": 1}
    with pytest.raises(ConfigurationError) as error:
        loader_of(sampler={"type": "weighted", "weights": weights, "anchor": "a"})
    assert error.value.path == "sampler.anchor"
    assert error.value.message.startswith("an epoch would have 1.2e+11 sentences")


def test_uniform_sampler_over_epochs_is_exact() -> None:
    """Each of three datasets of equal size has a third of every epoch, within one sentence."""
    loader = DataLoader(RoundRobinScheduler(7), UniformSampler(instances_per_epoch=100))
    loader.set_sentences(of_lengths(a=[1] * 40, b=[1] * 40, c=[1] * 40), 5)
    for plan in plans(loader, 4):
        names = Counter(name for name, _ in counted(plan).elements())
        assert sorted(names.values()) == [33, 33, 34]
