"""Counts of updates in plans and in runs."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.updates import Updates, count_updates, describe_updates
from ner_adv_plugin.runs.train_job import train_model
from tests.data.sentences import of_lengths
from tests.stopping import stopping_before
from tests.tiny import tiny_config


def test_updates_by_hand() -> None:
    steps = [
        [[("a", 0), ("b", 1)], [("a", 2)]],
        [[("a", 1)], []],
        [[("b", 0), ("b", 0)]],
    ]
    assert count_updates(steps, ["a", "b", "c"]) == {
        "a": Updates(2, 3),
        "b": Updates(2, 3),
        "c": Updates(0, 0),
    }
    assert list(describe_updates({"a": Updates(2, 3)}, {"a": 4}, 3)) == [
        "a: 2 of 3 updates in the first epoch, 3 sentences (0.75 x 4)"
    ]


def test_counts_of_epochs_add_up_and_are_resumed() -> None:
    loader = DataLoader(batch_size=2)
    loader.set_sentences(of_lengths(a=[3] * 6, b=[3] * 2), 0)
    for epoch in range(2):
        loader.end_epoch([[batch] for batch in loader.plan(epoch, 2)])
    assert loader.updates()["a"].sentences == 12 and loader.updates()["b"].sentences == 4

    other = DataLoader(batch_size=2)
    other.set_sentences(of_lengths(a=[3] * 6, b=[3] * 2), 0)
    state = json.loads(json.dumps(loader.state_dict()))
    other.load_state_dict(state)
    assert other.updates() == loader.updates() and other.state_dict() == loader.state_dict()
    # Checkpoints of earlier versions.
    del state["updates"]
    other.load_state_dict(state)
    assert not other.updates()


def config_of_run(**overrides: Any) -> dict[str, Any]:
    return tiny_config(
        data_loader={
            "scheduler": {"type": "homogeneous_roundrobin", "batch_size": 10},
            "sampler": {"type": "weighted", "weights": {"weibo": 1, "msra": 0.5, "msr": 0.25}},
        },
        trainer__num_epochs=2,
        trainer__num_gradient_accumulation_steps=2,
        **overrides,
    )


def test_runs_report_their_updates(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        metrics = train_model(config_of_run(), tmp_path)
    sentences = {name: metrics[f"training_{name}_sentences"] for name in ("weibo", "msra", "msr")}
    assert metrics["total_weibo_sentences"] == 2 * sentences["weibo"]
    # Batches of one dataset, two to a step: more updates than steps of the dataset alone.
    batches = sum(-(-count // 10) for count in sentences.values())
    updates = {name: metrics[f"training_{name}_updates"] for name in sentences}
    assert all(-(-count // 20) <= updates[n] <= -(-count // 10) for n, count in sentences.items())
    assert metrics["total_msra_updates"] >= updates["msra"] and sum(updates.values()) <= batches
    steps = -(-batches // 2)
    assert any(
        message.startswith("weibo: ") and f"of {steps} updates in the first epoch" in message
        for message in caplog.messages
    )


def test_a_resumed_run_counts_the_same(tmp_path: Path) -> None:
    checkpoints = {"trainer__checkpointer": {"save_every_num_batches": 1}}
    whole = train_model(config_of_run(**checkpoints), tmp_path / "whole")
    with stopping_before(5):
        train_model(config_of_run(**checkpoints), tmp_path / "stopped")
    resumed = train_model(config_of_run(**checkpoints), tmp_path / "stopped", recover=True)
    counts = [name for name in whole if name.endswith(("_updates", "_sentences"))]
    assert len(counts) >= 12
    assert {name: resumed[name] for name in counts} == {name: whole[name] for name in counts}
