"""Signals to a real process: a killed run resumes exactly, an interrupted one is archived.

`python -m tests.kill_points` kills at many more moments.
"""

import functools
import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.runs.train_job import train_model
from tests.killing import Plan, config_of_run, start, steps_saved
from tests.same_run import differences
from tests.tiny import write_config

pytestmark = pytest.mark.slow


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


@pytest.fixture
def config(tmp_path: Path) -> str:
    return write_config(tmp_path / "config.json", config_of_run())


def test_killed_at_random_moments(tmp_path: Path, config: str, uninterrupted: Path) -> None:
    folder, log = tmp_path / "run", tmp_path / "output.txt"
    generator = random.Random()
    saved = []
    for kill in range(2):
        process = start(config, folder, *(["--recover"] if kill else []))
        # At least one checkpoint later, so that this process makes progress.
        target = steps_saved(folder) + generator.randint(1, 4)
        wait_until(process, functools.partial(has_saved, folder, target), log)
        time.sleep(generator.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        saved.append(steps_saved(folder))
    assert start(config, folder, "--recover").wait() == 0, log.read_text(encoding="utf-8")[-3000:]
    assert differences(folder, uninterrupted) == [], f"killed when {saved} steps were saved"


def test_killed_again_and_again_while_files_are_written(
    tmp_path: Path, config: str, uninterrupted: Path
) -> None:
    folder, log = tmp_path / "run", tmp_path / "output.txt"
    plans = [
        # Half of a model state is written.
        Plan(str(tmp_path / "first"), "flush checkpoints/.model_state_e0_b6.th.partial", cut=0.5),
        # The model state is written, the training state is not; the curves end within a record.
        Plan(
            str(tmp_path / "second"),
            "past checkpoints/.model_state_e1_b3.th.partial",
            half_a_record=True,
        ),
        # The metrics of an epoch are written, its best weights are not.
        Plan(str(tmp_path / "third"), "put best.th"),
        # Training is finished, the archive is half written.
        Plan(str(tmp_path / "fourth"), "flush .model.tar.gz.partial", cut=0.5),
    ]
    saved = []
    for number, plan in enumerate(plans):
        status = start(config, folder, *(["--recover"] if number else []), plan=plan).wait()
        assert status == -signal.SIGKILL, (plan, log.read_text(encoding="utf-8")[-3000:])
        saved.append(steps_saved(folder))
    assert saved == [3, 8, 14, 24] and list(folder.rglob(".*partial"))
    assert start(config, folder, "--recover").wait() == 0, log.read_text(encoding="utf-8")[-3000:]
    assert differences(folder, uninterrupted) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_archives_the_best_weights_so_far(
    tmp_path: Path, number: signal.Signals
) -> None:
    long = config_of_run()
    long["trainer"]["num_epochs"] = 100
    folder, log = tmp_path / "run", tmp_path / "output.txt"
    process = start(write_config(tmp_path / "config.json", long), folder)
    wait_until(
        process,
        lambda: (folder / "metrics_epoch_1.json").is_file() and (folder / "best.th").is_file(),
        log,
    )
    process.send_signal(number)
    assert process.wait() == 130
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert load_archive(folder / "model.tar.gz").heads == ["msr", "msra", "weibo"]
    assert json.loads((folder / "metrics.json").read_text("utf-8"))["interrupted"] is True
    assert not list(folder.rglob(".*partial"))
    *_, line, command = log.read_text("utf-8").splitlines()
    assert f"{folder}/model.tar.gz holds the best weights so far" in line
    assert command.endswith(f"train {folder}/config.json -s {folder} --recover")
