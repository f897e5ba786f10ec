"""Two processes give the same result as one: the same global batches, each sentence scored once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.modules.objectives import DomainAdversarial
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.train_job import train_model
from tests.data.global_batch import share_totals
from tests.tiny import (
    DATA,
    ROOT,
    assert_same_weights,
    learnt,
    model_and_loader,
    tiny_config,
    weights,
    write_config,
)
from tests.training.all_together_test import without_dropout

pytestmark = pytest.mark.slow

LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
NO_DROPOUT = {
    "model__encoder__dropout": 0.0,
    "model__head__dropout": 0.0,
    "model__objectives": [
        {"type": "domain_adversarial", "dropout": 0.0, "reversal": {"type": "dann"}}
    ],
    "trainer__optimizer": {"type": "sgd", "lr": 0.2, "momentum": 0.9},
    "trainer__grad_norm": 2.0,
}
PERTURBED = {"type": "perturbed", "attack": {"type": "pgd", "epsilon": 0.3, "steps": 2}}
# Depends on which sentences share a batch.
PADDING_METRIC = "positions_per_character"


def with_unlabelled(config: dict[str, Any]) -> dict[str, Any]:
    """Add sentences without a task to a config."""
    config["dataset_reader"]["readers"]["raw"] = {
        "type": "unlabelled",
        "domain": "social",
        "max_instances": 10,
    }
    config["train_data_path"]["raw"] = str(DATA / "unlabelled" / "reviews.txt")
    return config


def cases() -> dict[str, dict[str, Any]]:
    one_at_a_time = {"type": "homogeneous_roundrobin", "batch_size": 1}
    return {
        "mixed": tiny_config(**NO_DROPOUT),
        "accumulated": tiny_config(**NO_DROPOUT, trainer__num_gradient_accumulation_steps=3),
        # One of the processes has no sentences, and the last micro-batch of a step has fewer heads
        # than the first.
        "idle": with_unlabelled(
            tiny_config(
                **{**NO_DROPOUT, "model__objectives": None},
                model__type="hard_sharing",
                data_loader__scheduler=one_at_a_time,
                trainer__num_gradient_accumulation_steps=4,
                trainer__num_epochs=1,
            )
        ),
        "weighted": with_unlabelled(
            tiny_config(
                **NO_DROPOUT,
                trainer__num_epochs=2,
                trainer__instance_weighting={
                    "raw": {"type": "confidence", "head": "weibo", "batch_size": 3},
                    "msra": {
                        "type": "domain_similarity",
                        "target": "weibo",
                        "similarity": "gaussian",
                    },
                },
            )
        ),
        "span_heads": with_unlabelled(
            tiny_config(
                **NO_DROPOUT,
                model__heads={
                    "weibo": {"type": "global_pointer", "dropout": 0.0},
                    "msra": {"type": "biaffine", "dropout": 0.0},
                },
                trainer__num_epochs=2,
                trainer__instance_weighting={
                    "raw": {"type": "confidence", "head": "weibo", "batch_size": 3}
                },
            )
        ),
        "perturbed": tiny_config(
            **NO_DROPOUT,
            trainer__step=PERTURBED,
            trainer__num_gradient_accumulation_steps=2,
            trainer__num_epochs=1,
        ),
        "r_drop": tiny_config(
            **NO_DROPOUT,
            trainer__step="r_drop",
            trainer__num_gradient_accumulation_steps=2,
            trainer__num_epochs=1,
        ),
        "all_together": all_together(),
        "perturbed_idle": with_unlabelled(
            tiny_config(
                **{**NO_DROPOUT, "model__objectives": None},
                model__type="hard_sharing",
                model__loss_weighting="uncertainty",
                data_loader__scheduler=one_at_a_time,
                trainer__num_gradient_accumulation_steps=4,
                trainer__num_epochs=1,
                trainer__step=PERTURBED,
            )
        ),
    }


def all_together() -> dict[str, Any]:
    """Make a config of all methods that do not need the whole batch, without dropout."""
    settings = {"trainer.num_epochs": 2, "trainer.num_gradient_accumulation_steps": 2}
    optimizer = {"trainer.optimizer": NO_DROPOUT["trainer__optimizer"]}
    return with_overrides(without_dropout(0, 1, 2, 3), {**settings, **optimizer})


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def launch(*arguments: str | Path) -> None:
    done = subprocess.run(
        [*LAUNCHER, *map(str, arguments)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs of every case, by one process and by two."""
    folder = tmp_path_factory.mktemp("processes")
    arguments: list[str | Path] = []
    for name, config in cases().items():
        arguments += [write_config(folder / f"{name}.json", config), folder / f"{name}_two"]
        train_model(config, folder / f"{name}_one")
    launch("-m", "tests.training.several_processes", *arguments)
    return folder


@pytest.mark.parametrize("name", cases())
def test_two_processes_equal_one(runs: Path, name: str) -> None:
    one, two = (weights(runs / f"{name}_{count}" / "best.th") for count in ("one", "two"))
    assert one.keys() == two.keys()
    for parameter in one:
        torch.testing.assert_close(
            one[parameter], two[parameter], atol=1e-6, rtol=1e-5, msg=parameter
        )
    metrics = [
        learnt(json.loads((runs / f"{name}_{count}" / "metrics.json").read_text("utf-8")))
        for count in ("one", "two")
    ]
    assert metrics[0].keys() == metrics[1].keys()
    for key, value in metrics[0].items():
        if PADDING_METRIC not in key:
            assert metrics[1][key] == pytest.approx(value, rel=1e-5, abs=1e-6), key


def test_reversal_metrics_are_over_the_sentences_of_all_processes(runs: Path) -> None:
    """The values themselves are compared in the test above."""
    metrics = json.loads((runs / "all_together_two" / "metrics.json").read_text("utf-8"))
    for index in range(3):
        for name in (
            "training_{}_reversal_ratio",
            "training_{}_discriminator_chance",
            "{}_probe_shared_accuracy",
        ):
            assert metrics[name.format(f"objective_{index}")] > 0
    # 16 of 52 sentences are social, 24 news, 12 reviews.
    assert metrics["training_objective_0_discriminator_chance"] == pytest.approx(24 / 52)


def test_only_one_process_writes(runs: Path) -> None:
    one, two = (
        sorted(path.name for path in (runs / f"mixed_{count}").rglob("*"))
        for count in ("one", "two")
    )
    assert one == two


def test_shares_partition_the_global_batch(tmp_path: Path) -> None:
    _, loader = model_and_loader(tiny_config(data_loader__batch_size=7))
    for world_size in (1, 2, 3, 10):
        for group in (loader.plan(0)[:2], loader.plan(1)[-1:]):
            shares = [loader.batches(group, rank, world_size) for rank in range(world_size)]
            for number, planned in enumerate(group):
                sentences = [
                    sentence for share in shares for sentence in sentences_of(share[number])
                ]
                assert sorted(sentences) == sorted(planned)
                sizes = [len(share[number]) for share in shares]
                assert max(sizes) - min(sizes) <= 1
                longest = [max(share[number].lengths) for share in shares if len(share[number])]
                assert longest == sorted(longest, reverse=True)
            # The totals of every share are those of the global batch.
            (whole,) = share_totals(loader.batches([sum(group, [])]))
            for share in shares:
                assert all(
                    (batch.totals, batch.units, batch.total)
                    == (whole.totals, whole.units, whole.total)
                    for batch in share
                )


def sentences_of(batch: Any) -> list[tuple[str, int]]:
    return list(zip(batch.datasets, batch.sentence_ids, strict=True))


def test_an_objective_that_does_not_add_up_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ner_adv_plugin.training import trainer_checks

    monkeypatch.setattr(DomainAdversarial, "adds_up", False)
    refused = "DomainAdversarial needs the whole batch"
    # The default objectives of a model count too.
    for objectives in (None, [{"type": "domain_adversarial"}]):
        config = tiny_config(model__objectives=objectives, distributed={"cuda_devices": [-1, -1]})
        with pytest.raises(ConfigurationError, match=rf"^model\.objectives\.0: {refused}"):
            checked_job(config)
    with monkeypatch.context() as launched, pytest.raises(ConfigurationError, match=refused):
        launched.setenv("WORLD_SIZE", "2")
        checked_job(tiny_config())
    # The trainer rejects them without a config too.
    monkeypatch.setattr(trainer_checks, "world_size", lambda: 2)
    with pytest.raises(ConfigurationError, match=refused):
        train_model(tiny_config(), tmp_path / "run")


def start(arguments: Sequence[str | Path], log: Path) -> subprocess.Popen[str]:
    with open(log, "a", encoding="utf-8") as output:
        return subprocess.Popen(
            [*map(str, arguments)],
            cwd=ROOT,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )


def test_the_config_starts_processes_and_a_stopped_run_resumes(tmp_path: Path) -> None:
    """A run with `distributed` in its config, stopped and resumed, equals an uninterrupted one."""
    config = tiny_config(
        trainer__num_epochs=6,
        trainer__checkpointer={"save_every_num_batches": 2},
        data_loader__batch_size=8,
    )
    config["distributed"] = {"cuda_devices": [-1, -1]}
    file, log = write_config(tmp_path / "config.json", config), tmp_path / "log.txt"
    command = [sys.executable, "-m", "ner_adv_plugin", "train", file, "-s"]
    whole = start([*command, tmp_path / "whole"], log)
    assert whole.wait() == 0, log.read_text("utf-8")[-4000:]
    stopped = start([*command, tmp_path / "stopped"], log)
    while not (tmp_path / "stopped" / "metrics_epoch_2.json").is_file():
        assert stopped.poll() is None, log.read_text("utf-8")[-4000:]
        time.sleep(0.005)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait() == 130
    assert load_archive(tmp_path / "stopped" / "model.tar.gz").heads == ["msr", "msra", "weibo"]
    assert json.loads((tmp_path / "stopped" / "metrics.json").read_text("utf-8"))["interrupted"]
    resumed = start([*command, tmp_path / "stopped", "--recover"], log)
    assert resumed.wait() == 0, log.read_text("utf-8")[-4000:]
    assert_same_weights(tmp_path / "stopped" / "best.th", tmp_path / "whole" / "best.th")
    ours, theirs = (
        json.loads((tmp_path / name / "metrics.json").read_text("utf-8"))
        for name in ("stopped", "whole")
    )
    assert learnt(ours) == learnt(theirs)
