"""Real signals to a real process: a run that was killed goes on as if nothing had been, one asked to stop archives."""

import functools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.prediction import load_archive
from ner_adv_plugin.training.checkpointer import NAME
from ner_adv_plugin.training.train_job import train_model
from tests.tiny import ROOT, assert_same_weights, learnt, single_task_config, write_config

EPOCHS, STEPS = 8, 10
LAST = "model_state_e8_b0.th"


def config_of_run() -> dict[str, Any]:
    return single_task_config(
        trainer__num_epochs=EPOCHS,
        trainer__checkpointer={"save_every_num_batches": 3},
        trainer__learning_rate_scheduler={"type": "linear_with_warmup", "warmup": 0.1},
        data_loader__batch_size=4,
    )


def start(config: str, folder: Path, *flags: str) -> subprocess.Popen[str]:
    """`python -m ner_adv_plugin train`, in a process of its own, with as many threads as this one."""
    command = [sys.executable, "-m", "ner_adv_plugin", "train", config, "-s", str(folder), *flags]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with open(folder.parent / "output.txt", "a", encoding="utf-8") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)


def steps_saved(folder: Path) -> int:
    """How many steps the last checkpoint has behind it."""
    found = [NAME.fullmatch(path.name) for path in (folder / "checkpoints").glob("training_state_*.th")]
    return max((int(match[1]) * STEPS + int(match[2]) for match in found if match), default=0)


def has_saved(folder: Path, steps: int) -> bool:
    return steps_saved(folder) >= steps


def wait_until(process: subprocess.Popen[str], reached: Callable[[], bool], log: Path) -> None:
    while not reached():
        assert process.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        time.sleep(0.002)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    train_model(config_of_run(), folder)
    return folder


def test_killed_at_random_moments(tmp_path: Path, uninterrupted: Path) -> None:
    config, folder, log = write_config(tmp_path / "c.json", config_of_run()), tmp_path / "run", tmp_path / "output.txt"
    chance = random.Random()
    moments = []
    for kill in range(2):
        process = start(config, folder, *(["--recover"] if kill else []))
        # Far enough from the last that this process must make steps, at any point between two of them.
        target = steps_saved(folder) + chance.randint(3, 30)
        wait_until(process, functools.partial(has_saved, folder, target), log)
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        moments.append(steps_saved(folder))
    assert not (folder / "metrics.json").exists()
    process = start(config, folder, "--recover")
    assert process.wait() == 0, log.read_text(encoding="utf-8")[-3000:]
    try:
        assert_same_weights(folder / "best.th", uninterrupted / "best.th")
        assert_same_weights(folder / "checkpoints" / LAST, uninterrupted / "checkpoints" / LAST)
        ours, theirs = (json.loads((path / "metrics.json").read_text("utf-8")) for path in (folder, uninterrupted))
        assert learnt(ours) == learnt(theirs)
    except AssertionError as error:
        raise AssertionError(f"killed after about {moments} steps") from error
    assert not list(folder.rglob(".*partial"))


def test_asked_to_stop_it_archives_the_best_weights_so_far(tmp_path: Path) -> None:
    folder, log = tmp_path / "run", tmp_path / "output.txt"
    process = start(write_config(tmp_path / "config.json", config_of_run()), folder)
    wait_until(process, lambda: (folder / "metrics_epoch_1.json").is_file() and (folder / "best.th").is_file(), log)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 130
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert load_archive(folder / "model.tar.gz").heads == ["weibo"]
    assert not (folder / "metrics.json").exists()
