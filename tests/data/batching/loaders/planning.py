"""Data loaders over artificial sentences, and their plans."""

from collections import Counter
from typing import Any

import pytest

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from tests.data.sentences import of_lengths, realistic_lengths

SCHEDULERS = [
    {"type": "roundrobin", "batch_size": 8},
    {"type": "homogeneous_roundrobin", "batch_size": 8},
]
REPEATING = [
    {"type": "balanced", "batch_size": 8},
    {"type": "half_and_half", "target": "b", "batch_size": 8},
]
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
    {
        "type": "curriculum",
        "start": {"a": 1, "b": 2, "c": 0},
        "end": {"a": 1, "b": 1, "c": 3},
        "anchor": "b",
    },
    {"type": "loss_based", "instances_per_epoch": 50},
]
either_scheduler = pytest.mark.parametrize(
    "scheduler", SCHEDULERS, ids=lambda scheduler: scheduler["type"]
)
every_scheduler = pytest.mark.parametrize(
    "scheduler",
    SCHEDULERS + REPEATING + BY_TOKENS,
    ids=lambda scheduler: "-".join(map(str, scheduler.values())),
)
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler["type"])


def loader_of(seed: int = 0, sizes: dict[str, int] | None = None, **settings: Any) -> DataLoader:
    """Build a loader from its config, by default over datasets of 60, 25 and 7 sentences."""
    loader = construct(DataLoader, settings)
    sizes = sizes or {"a": 60, "b": 25, "c": 7}
    loader.set_sentences(
        of_lengths(**{name: realistic_lengths(size, size) for name, size in sizes.items()}), seed
    )
    return loader


def plans(loader: DataLoader, epochs: int, start: int = 0) -> list[list[PlannedBatch]]:
    return [loader.plan(epoch) for epoch in range(start, start + epochs)]


def run_epoch(loader: DataLoader, epoch: int, num_epochs: int) -> list[PlannedBatch]:
    """Plan an epoch and report losses at its end: decreasing for head "a", constant for "b"."""
    plan = loader.plan(epoch, num_epochs)
    loader.update_from_epoch_metrics(
        {"training_a_loss": 1 / (epoch + 1), "training_b_loss": 0.7, "training_loss": 1}
    )
    return plan


def counted(plan: list[PlannedBatch]) -> Counter[tuple[str, int]]:
    return Counter(pair for batch in plan for pair in batch)
