"""Epochs with each sampler and scheduler: length, progress, updates of samplers, resuming."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.samplers import LossBasedSampler
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.train_job import build_trainer, train_model
from ner_adv_plugin.training.trainer import Trainer
from tests.stopping import stopping_before
from tests.tiny import assert_same_weights, learnt, tiny_config, weights

EPOCHS = 3
SENTENCES = {"weibo": 10, "msra": 6, "msr": 6}
EQUAL = {"weibo": 1, "msra": 1, "msr": 1}
MIXES: dict[str, dict[str, Any]] = {
    "temperature and tokens": {
        "sampler": {"type": "proportional", "temperature": 2, "cap": 7},
        "scheduler": {"type": "roundrobin", "max_tokens": 200, "pool": 2},
    },
    "smallest": {"sampler": {"type": "subsample_to_smallest"}},
    "curriculum": {
        "sampler": {
            "type": "curriculum",
            "start": {**EQUAL, "weibo": 0.2},
            "end": EQUAL,
            "anchor": "msr",
        },
        "scheduler": {"type": "roundrobin", "batch_size": 8},
    },
    "curriculum of tokens": {
        "sampler": {
            "type": "curriculum",
            "start": {**EQUAL, "weibo": 0},
            "end": EQUAL,
            "until": 0.5,
        },
        "scheduler": {"type": "homogeneous_roundrobin", "max_tokens": 200, "pool": 2},
    },
    "loss": {"sampler": {"type": "loss_based", "floor": 0.1}},
    "balanced": {"scheduler": {"type": "balanced", "batch_size": 8}},
    "balanced tokens": {"scheduler": {"type": "balanced", "max_tokens": 200, "pool": 2}},
    "half": {"scheduler": {"type": "half_and_half", "target": "weibo", "batch_size": 8}},
    "half tokens": {
        "scheduler": {"type": "half_and_half", "target": "weibo", "max_tokens": 200, "pool": 2}
    },
}


def config_of(mix: Mapping[str, Any], **overrides: Any) -> dict[str, Any]:
    """Make a config of 22 sentences in steps of eight, unless the mix sets another batch size."""
    settings: dict[str, Any] = {f"data_loader__{key}": value for key, value in mix.items()}
    settings |= {
        f"dataset_reader__readers__{name}__max_instances": sentences
        for name, sentences in SENTENCES.items()
    }
    schedule = {"type": "linear_with_warmup", "warmup_steps": 2}
    return tiny_config(
        data_loader__batch_size=8,
        trainer__num_epochs=EPOCHS,
        trainer__learning_rate_scheduler=schedule,
        **settings,
        **overrides,
    )


def trainer_of(config: Mapping[str, Any], folder: Path) -> tuple[Trainer, list[float]]:
    """Build the trainer of a config, and a list to which each step adds its progress."""
    job = checked_job(config)
    trainer = build_trainer(job, read_data(job), folder)
    assert isinstance(trainer, Trainer)
    progress: list[float] = []
    run = trainer.step.run

    def watched(engine: Any, batches: Any, now: float) -> Any:
        progress.append(now)
        return run(engine, batches, now)

    trainer.step.run = watched  # type: ignore[method-assign]
    return trainer, progress


@pytest.mark.parametrize("name", MIXES)
def test_steps_are_counted_exactly_and_the_schedule_ends_with_the_last_step(
    name: str, tmp_path: Path
) -> None:
    trainer, progress = trainer_of(
        config_of(MIXES[name], trainer__num_gradient_accumulation_steps=2), tmp_path
    )
    metrics = trainer.train()
    assert metrics["training_epochs"] == EPOCHS and 0 < metrics["training_loss"] < 10
    assert trainer.steps_done == trainer.total_steps == len(progress)
    assert progress == [step / trainer.total_steps for step in range(trainer.total_steps)]
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.0]


def test_progress_stays_at_one_after_more_steps_than_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        DataLoader, "batches_per_epoch", lambda loader, num_epochs: [1] * num_epochs
    )
    trainer, progress = trainer_of(config_of({}), tmp_path)
    trainer.train()
    assert trainer.steps_done == 9 and progress == [0, 1 / 3, 2 / 3] + [1.0] * 6


def test_a_sampler_gets_validation_losses_and_otherwise_training_losses(
    tmp_path: Path,
) -> None:
    trainer, _ = trainer_of(config_of(MIXES["loss"]), tmp_path)
    trainer.train()
    assert isinstance(trainer.data_loader.sampler, LossBasedSampler)
    state = trainer.data_loader.state_dict()["sampler"]
    for kept, epoch in (("first", 0), ("last", EPOCHS - 1)):
        metrics = json.loads((tmp_path / f"metrics_epoch_{epoch}.json").read_text(encoding="utf-8"))
        of_training = {head: metrics[f"training_{head}_optimized_loss"] for head in ("msra", "msr")}
        assert state[kept] == {"weibo": metrics["validation_weibo_loss"], **of_training}
    proportions = trainer.data_loader.sampler.get_task_proportions(dict.fromkeys(EQUAL, 1))
    assert len(set(proportions.values())) == 3


# Losses change the sampling from the third epoch on, which starts after two thirds of the steps.
@pytest.mark.parametrize(
    ("name", "share"),
    [("loss", 0.5), ("loss", 0.85), ("curriculum of tokens", 0.6), ("half tokens", 0.8)],
)
def test_a_stopped_run_resumes_exactly(name: str, share: float, tmp_path: Path) -> None:
    config = config_of(MIXES[name], trainer__checkpointer={"save_every_num_batches": 1})
    whole = train_model(config, tmp_path / "whole")
    total = weights(tmp_path / "whole" / "checkpoints" / f"training_state_e{EPOCHS}_b0.th")[
        "steps_done"
    ]
    with stopping_before(round(share * int(total))):
        train_model(config, tmp_path / "stopped")
    resumed = train_model(config, tmp_path / "stopped", recover=True)
    assert learnt(resumed) == learnt(whole)
    last = f"checkpoints/model_state_e{EPOCHS}_b0.th"
    assert_same_weights(tmp_path / "stopped" / last, tmp_path / "whole" / last)
    states = [
        weights(tmp_path / run / last.replace("model", "training")) for run in ("whole", "stopped")
    ]
    assert states[0]["data_loader"] == states[1]["data_loader"]
