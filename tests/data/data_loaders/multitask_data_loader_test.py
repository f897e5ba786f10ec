import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import bind, construct
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.data_loaders import DataLoader, MultiTaskDataLoader
from ner_adv_plugin.data.samplers import ProportionalSampler, UniformSampler, WeightedSampler
from ner_adv_plugin.data.schedulers import HomogeneousRoundRobinScheduler, MultiTaskScheduler, RoundRobinScheduler
from ner_adv_plugin.data.schedulers.scheduler import PlannedBatch
from tests.data.rows import of_lengths, realistic_lengths

SCHEDULERS = [{"type": "roundrobin", "batch_size": 8}, {"type": "homogeneous_roundrobin", "batch_size": 8}]
REPEATING = [{"type": "balanced", "batch_size": 8}, {"type": "half_and_half", "target": "b", "batch_size": 8}]
BY_TOKENS = [
    {"type": "roundrobin", "max_tokens": 500},
    {"type": "homogeneous_roundrobin", "max_tokens": 500},
    {"type": "balanced", "max_tokens": 500},
    {"type": "half_and_half", "target": "b", "max_tokens": 500},
]
SAMPLERS = [
    {"type": "proportional", "alpha": 0.3, "instances_per_epoch": 41},
    {"type": "proportional", "temperature": 2, "cap": 30},
    {"type": "uniform", "anchor": "b"},
    {"type": "subsample_to_smallest"},
    {"type": "curriculum", "start": {"a": 1, "b": 2, "c": 0}, "end": {"a": 1, "b": 1, "c": 3}, "anchor": "b"},
    {"type": "loss_based", "instances_per_epoch": 50},
]
either_scheduler = pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda scheduler: scheduler["type"])
every_scheduler = pytest.mark.parametrize(
    "scheduler", SCHEDULERS + REPEATING + BY_TOKENS, ids=lambda scheduler: "-".join(map(str, scheduler.values()))
)
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler["type"])


def loader_of(seed: int = 0, sizes: dict[str, int] | None = None, **settings: Any) -> MultiTaskDataLoader:
    """A loader over datasets of 60, 25 and 7 rows, from its config."""
    loader = construct(DataLoader, settings)
    assert isinstance(loader, MultiTaskDataLoader)
    sizes = sizes or {"a": 60, "b": 25, "c": 7}
    loader.set_rows(of_lengths(**{name: realistic_lengths(size, size) for name, size in sizes.items()}), seed)
    return loader


def plans(loader: DataLoader, epochs: int, start: int = 0) -> list[list[PlannedBatch]]:
    return [loader.plan(epoch) for epoch in range(start, start + epochs)]


def run_epoch(loader: DataLoader, epoch: int, num_epochs: int) -> list[PlannedBatch]:
    """Plan an epoch of a run and report losses at its end: of head "a" they fall, of "b" they stay."""
    plan = loader.plan(epoch, num_epochs)
    loader.update_from_epoch_metrics({"training_a_loss": 1 / (epoch + 1), "training_b_loss": 0.7, "training_loss": 1})
    return plan


def counted(plan: list[PlannedBatch]) -> Counter[tuple[str, int]]:
    return Counter(place for batch in plan for place in batch)


def test_defaults() -> None:
    loader = loader_of(batch_size=5)
    assert isinstance(loader.scheduler, RoundRobinScheduler) and loader.scheduler.limit.rows == 5
    assert isinstance(loader.sampler, ProportionalSampler) and loader.leakage == "drop"
    assert len(loader) == -(-92 // 5)
    with pytest.raises(ConfigurationError, match="leakage: found 'dorp', expected one of 'drop', 'error', 'allow'"):
        bind(DataLoader, {"leakage": "dorp"})


@either_scheduler
def test_by_size_every_epoch_is_every_row_once(scheduler: dict[str, Any]) -> None:
    for plan in plans(loader_of(scheduler=scheduler), 3):
        rows = [(name, row) for name, size in (("a", 60), ("b", 25), ("c", 7)) for row in range(size)]
        assert counted(plan) == Counter(rows)


@settings(max_examples=40)
@given(
    st.sampled_from(SCHEDULERS + REPEATING + BY_TOKENS),
    st.tuples(*[st.integers(1, 30)] * 3),
    st.tuples(*[st.floats(0.01, 1)] * 3),
    st.integers(1, 90),
    st.integers(0, 3),
)
def test_no_row_again_before_all_others(
    scheduler: dict[str, Any],
    sizes: tuple[int, int, int],
    weights: tuple[float, float, float],
    total: int,
    seed: int,
) -> None:
    """After every epoch the rows of a dataset were drawn equally often, give or take one."""
    named = dict(zip("abc", sizes, strict=True))
    loader = MultiTaskDataLoader(
        construct(MultiTaskScheduler, scheduler),
        WeightedSampler(dict(zip("abc", weights, strict=True)), instances_per_epoch=total),
    )
    loader.set_rows(of_lengths(**{name: [1] * size for name, size in named.items()}), seed)
    asked = loader.sampler.rows_per_epoch(named)
    wanted = Counter(loader.scheduler.draws(asked))
    assert asked == wanted or scheduler in REPEATING + BY_TOKENS[2:]
    drawn: Counter[tuple[str, int]] = Counter()
    for epoch in range(5):
        plan = loader.plan(epoch)
        assert Counter(name for name, _ in counted(plan).elements()) == wanted
        drawn += counted(plan)
        for name, size in named.items():
            times = [drawn[name, row] for row in range(size)]
            assert max(times) - min(times) <= 1


def test_a_dataset_drawn_beyond_its_size_repeats_within_an_epoch() -> None:
    loader = loader_of(sampler={"type": "uniform", "anchor": "a"})
    rows = counted(loader.plan(0))
    assert {times for (name, _), times in rows.items() if name == "a"} == {1}
    assert {times for (name, _), times in rows.items() if name == "c"} == {8, 9}
    assert sum(times for (name, _), times in rows.items() if name == "c") == 60


@every_scheduler
def test_plans_are_a_function_of_seed_and_epoch(scheduler: dict[str, Any]) -> None:
    first = plans(loader_of(3, scheduler=scheduler), 3)
    assert plans(loader_of(3, scheduler=scheduler), 3) == first
    assert first[0] != first[1] != first[2]
    assert plans(loader_of(4, scheduler=scheduler), 1)[0] != first[0]


def test_order_of_batches_is_drawn_anew() -> None:
    """Rows of distinct lengths in one pool make the same batches always: only their order is left to chance."""

    def order(seed: int, epoch: int) -> list[PlannedBatch]:
        loader = MultiTaskDataLoader(batch_size=4)
        loader.set_rows(of_lengths(a=range(1, 101)), seed)
        return [sorted(batch) for batch in loader.plan(epoch)]

    orders = [order(0, 0), order(0, 1), order(1, 0)]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
    assert orders[0] != orders[1] and orders[0] != orders[2] and orders[1] != orders[2]


def test_every_pass_and_every_dataset_has_a_shuffle_of_its_own() -> None:
    loader = loader_of(sizes={"a": 60, "b": 60}, sampler={"type": "uniform", "instances_per_epoch": 40})
    rows = [counted(plan) for plan in plans(loader, 6)]
    first, second = ([{row for name, row in epoch if name == own} for epoch in rows] for own in "ab")
    # Three epochs make a pass: the first third of one pass is not that of the next, or of another dataset.
    assert first[0] != first[3] and second[0] != second[3]
    assert first[0] != second[0] and first[3] != second[3]


def test_chance_elsewhere_is_no_part_of_it() -> None:
    first = plans(loader_of(), 2)
    np.random.seed(1)
    torch.manual_seed(1)
    assert plans(loader_of(), 2) == first


def test_order_of_a_dataset_does_not_depend_on_the_others() -> None:
    """Adding a dataset leaves the passes over another as they were: experiments stay comparable."""

    def first_rows(sizes: dict[str, int]) -> set[int]:
        loader = loader_of(sizes=sizes, sampler={"type": "uniform", "instances_per_epoch": 10 * len(sizes)})
        return {row for name, row in counted(loader.plan(0)) if name == "a"}

    assert first_rows({"a": 60}) == first_rows({"a": 60, "b": 50}) == first_rows({"z": 20, "a": 60})


@every_scheduler
@every_sampler
def test_resumed_run_plans_what_the_whole_run_plans(
    scheduler: dict[str, Any], sampler: dict[str, Any], tmp_path: Path
) -> None:
    whole_run = loader_of(scheduler=scheduler, sampler=sampler)
    whole = [run_epoch(whole_run, epoch, 6) for epoch in range(6)]
    begun = loader_of(scheduler=scheduler, sampler=sampler)
    for stop in range(6):
        state = begun.state_dict()
        assert json.loads(json.dumps(state)) == state
        torch.save(state, tmp_path / "state")
        # A stop inside an epoch leaves the state from before that epoch was planned.
        assert run_epoch(begun, stop, 6) == whole[stop]
        resumed = loader_of(scheduler=scheduler, sampler=sampler)
        resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
        assert [run_epoch(resumed, epoch, 6) for epoch in range(stop, 6)] == whole[stop:]
        # The state is a copy: going on with the first run left it alone.
        assert state == torch.load(tmp_path / "state", weights_only=True)


@every_scheduler
@every_sampler
def test_lengths_of_epochs_to_come_are_exact(scheduler: dict[str, Any], sampler: dict[str, Any]) -> None:
    """Whatever was drawn before, and the state stays as it was."""
    loader = loader_of(scheduler=scheduler, sampler=sampler)
    for num_epochs in (5, 2, 1):
        state = loader.state_dict()
        lengths = loader.batches_per_epoch(num_epochs)
        assert loader.state_dict() == state and loader.batches_per_epoch(num_epochs) == lengths
        assert len(loader) == lengths[0]
        assert [len(loader.plan(epoch, num_epochs)) for epoch in range(num_epochs)] == lengths


def test_lengths_differ_where_they_must() -> None:
    curriculum = SAMPLERS[4]
    lengths = loader_of(sampler=curriculum, batch_size=1).batches_per_epoch(3)
    # 25 rows of b at weights 2, 1.5 and 1: of a 12.5, 16.7 and 25, of c 0, 25 and 75.
    assert lengths == [25 + 12, 25 + 17 + 25, 25 + 25 + 75]
    assert len(set(loader_of(scheduler={"type": "roundrobin", "max_tokens": 300, "pool": 2}).batches_per_epoch(8))) > 1


def test_losses_change_the_draws_and_not_the_length_of_an_epoch() -> None:
    loader = loader_of(sampler=SAMPLERS[5], batch_size=7)
    ahead = loader.batches_per_epoch(5)
    made = [run_epoch(loader, epoch, 5) for epoch in range(5)]
    assert [len(plan) for plan in made] == ahead == [8] * 5
    drawn = [Counter(name for name, _ in counted(plan).elements()) for plan in made]
    assert drawn[0] == drawn[1] == {"a": 17, "b": 17, "c": 16}
    # Of the losses 1/2 and 1 are left, a mean of 3/4 for head c that has none; 15 % is sure to all.
    shares = [0.05 + 0.85 * lag / 2.25 for lag in (0.5, 1.0, 0.75)]
    assert all(abs(drawn[2][name] - 50 * share) < 1 for name, share in zip("abc", shares, strict=True))


@either_scheduler
def test_each_dataset_is_spread_over_the_epoch(scheduler: dict[str, Any]) -> None:
    """The small dataset neither comes first nor runs out: each fifth of the epoch has its share."""
    loader = loader_of(sizes={"small": 200, "large": 1_800}, scheduler=scheduler)
    plan = loader.plan(0)
    for part in np.array_split(np.arange(len(plan)), 5):
        names = Counter(name for i in part for name, _ in plan[i])
        assert abs(names["small"] - 40) <= 8 + 1


def rank_correlation(plan: list[PlannedBatch]) -> float:
    """Of the rows' places in the epoch and in the file; both are permutations, so that Pearson's is Spearman's."""
    in_order = [row for batch in plan for _, row in batch]
    return float(np.corrcoef(in_order, np.arange(len(in_order)))[0, 1])


OF_ONE_DATASET = [
    {"type": kind, **limit}
    for kind in ("roundrobin", "homogeneous_roundrobin", "balanced")
    for limit in ({"batch_size": 32}, {"max_tokens": 1_600})
]


@pytest.mark.parametrize("scheduler", OF_ONE_DATASET)
def test_shuffle_is_global(scheduler: dict[str, Any]) -> None:
    """A row's place in the epoch says nothing of its place in the file."""
    loader = loader_of(sizes={"a": 5_000}, scheduler=scheduler)
    for plan in plans(loader, 3):
        # 5,000 rows by chance: a standard deviation of 0.014.
        assert abs(rank_correlation(plan)) < 0.05
        # Neighbours of the file are a third of the epoch apart on average, as two random places are.
        place = np.argsort([row for batch in plan for _, row in batch])
        assert 0.3 < np.abs(np.diff(place)).mean() / 5_000 < 0.37


@pytest.mark.parametrize("scheduler", OF_ONE_DATASET)
def test_shuffle_of_a_file_sorted_by_length_is_global(scheduler: dict[str, Any]) -> None:
    """Bucketing then puts neighbours of the file into one batch; the order of batches stays random."""
    loader = construct(DataLoader, {"scheduler": scheduler})
    loader.set_rows(of_lengths(a=sorted(realistic_lengths(5_000))), 0)
    correlations = [rank_correlation(plan) for plan in plans(loader, 30)]
    # 157 batches by chance: a standard deviation of 0.08, that of the mean of 30 epochs 0.015.
    assert abs(np.mean(correlations)) < 0.05 and np.max(np.abs(correlations)) < 0.3


def padding_ratio(loader: DataLoader) -> float:
    """Positions computed to real characters, over an epoch."""
    batches = [loader.batches([planned])[0] for planned in loader.plan(0)]
    return sum(b.mask_BL.numel() for b in batches) / sum(int(b.lengths_B.sum()) for b in batches)


@pytest.mark.parametrize(
    ("kind", "bound"), [(RoundRobinScheduler, 1.25), (HomogeneousRoundRobinScheduler, 1.15)], ids=["mixed", "of one"]
)
def test_padding(kind: type[RoundRobinScheduler | HomogeneousRoundRobinScheduler], bound: float) -> None:
    rows = of_lengths(news=realistic_lengths(4_000, 1), social=[n * 2 // 3 + 1 for n in realistic_lengths(1_300, 2)])
    ratios = {}
    for pool in (1, 50):
        loader = MultiTaskDataLoader(kind(batch_size=32, pool=pool))
        loader.set_rows(rows, 0)
        ratios[pool] = padding_ratio(loader)
    assert ratios[1] > 2.5 and ratios[50] < bound


@pytest.mark.parametrize(
    ("scheduler", "bound"),
    [("roundrobin", 1.25), ("homogeneous_roundrobin", 1.1), ("balanced", 1.25), ("half_and_half", 1.25)],
)
def test_padding_of_token_batches(scheduler: str, bound: float) -> None:
    target = {"target": "social"} if scheduler == "half_and_half" else {}
    loader = construct(DataLoader, {"scheduler": {"type": scheduler, "max_tokens": 2_048, **target}})
    rows = of_lengths(news=realistic_lengths(4_000, 1), social=[n * 2 // 3 + 1 for n in realistic_lengths(1_300, 2)])
    loader.set_rows(rows, 0)
    assert padding_ratio(loader) < bound


def test_half_and_half_is_shuffled_globally() -> None:
    scheduler = {"type": "half_and_half", "target": "a", "max_tokens": 1_600}
    loader = loader_of(sizes={"a": 3_000, "b": 3_000}, scheduler=scheduler)
    for plan in plans(loader, 2):
        for name in "ab":
            own = [[(name, row) for of, row in batch if of == name] for batch in plan]
            assert abs(rank_correlation(own)) < 0.06


def test_a_dataset_without_rows_is_an_error() -> None:
    with pytest.raises(UserError, match="b: there is no training row"):
        loader_of(sizes={"a": 3, "b": 0})


def test_a_dataset_of_which_nothing_is_drawn_is_told(caplog: pytest.LogCaptureFixture) -> None:
    loader_of(sampler={"type": "weighted", "weights": {"a": 1, "b": 1, "c": 0.001}})
    assert caplog.messages == ["c: the sampler draws none of its rows in an epoch"]
    caplog.clear()
    # One that comes later is drawn in the run.
    loader_of(sampler={"type": "curriculum", "start": {"a": 1, "b": 1, "c": 0}, "end": {"a": 1, "b": 0, "c": 1}})
    assert not caplog.messages


def test_batches_hold_the_planned_rows() -> None:
    loader = loader_of(sampler={"type": "uniform"})
    for planned, batch in zip(loader.plan(0), loader_of(sampler={"type": "uniform"}), strict=True):
        assert Counter(zip(batch.datasets, batch.row_ids, strict=True)) == Counter(planned)
        assert batch.lengths == sorted(batch.lengths, reverse=True)


def test_wrong_names_stop_before_the_first_epoch() -> None:
    for wrong, path in (
        ({"sampler": {"type": "uniform", "anchor": "z"}}, "data_loader.sampler.anchor"),
        ({"sampler": {"type": "weighted", "weights": {"a": 1}}}, "data_loader.sampler.weights.b"),
        ({"sampler": {"type": "loss_based", "floor": 0.5}}, "data_loader.sampler.floor"),
        ({"sampler": {**SAMPLERS[4], "end": {"a": 1, "b": 1}}}, "data_loader.sampler.end.c"),
        ({"scheduler": {**SCHEDULERS[1], "batch_size": {"a": 1}}}, "data_loader.scheduler.batch_size.b"),
        ({"scheduler": {"type": "half_and_half", "target": "z"}}, "data_loader.scheduler.target"),
    ):
        with pytest.raises(ConfigurationError) as error:
            loader_of(**wrong)
        assert error.value.path == path


def test_uniform_sampler_over_epochs_is_exact() -> None:
    """Three datasets of one size: each has its third of every epoch, none more than one row from it."""
    loader = MultiTaskDataLoader(RoundRobinScheduler(7), UniformSampler(instances_per_epoch=100))
    loader.set_rows(of_lengths(a=[1] * 40, b=[1] * 40, c=[1] * 40), 5)
    for plan in plans(loader, 4):
        names = Counter(name for name, _ in counted(plan).elements())
        assert sorted(names.values()) == [33, 33, 34]
