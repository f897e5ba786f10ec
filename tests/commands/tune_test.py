"""`allennlp tune`."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.runs.train_job import train_model
from tests.commands.conftest import Run
from tests.tiny import ROOT, single_task_config, write_config

RATES = {"lo": 1e-4, "hi": 1.0, "log": True}


def config_of(folder: Path, **changes: Any) -> str:
    changes = {"trainer__optimizer__lr": RATES, "dataset_reader__max_instances": 12, **changes}
    return write_config(folder / "config.json", single_task_config(**changes))


def test_wrong_calls(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(tmp_path)
    for name in ("trials", "jobs"):
        result = run("tune", config, "-s", "tuned", f"--{name}", "0")
        assert result.status == 2 and f"--{name}: expected 1 or more, found 0" in result.err
    for seeds in ("1,1", "1,x", "-1", ""):
        result = run("tune", config, "-s", "tuned", f"--run-seeds={seeds}")
        assert result.status == 2 and "expected different seeds, such as 0,1,2" in result.err
    result = run("tune", config, "-s", "tuned", "-o", "{'trainer.optimizer.lr.lo': 2}")
    assert result.status == 2 and "trainer.optimizer.lr.hi: expected more than lo" in result.err
    result = run("tune", config, "-s", "tuned", "-o", "{'train_data_path': 'nothing'}")
    assert result.status == 2 and 'no such file "nothing"' in result.err
    result = run("tune", write_config(tmp_path / "plain.json", single_task_config()), "-s", "tuned")
    assert result.status == 2 and "no search space in the config" in result.err
    monkeypatch.setitem(sys.modules, "optuna", None)
    result = run("tune", "no-config-either", "-s", "tuned")
    assert result.status == 2 and 'pip install "ner_adv_plugin[tune]"' in result.err
    assert not Path("tuned").exists()


def trials(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


def command(config: str, folder: Path, jobs: int) -> list[str]:
    flags = ["--trials", "3", "--jobs", str(jobs)]
    return [sys.executable, "-m", "ner_adv_plugin", "tune", config, "-s", str(folder), *flags]


@pytest.mark.slow
def test_a_tuning_that_was_killed_is_that_of_one_call(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(config, whole, 1), env=environment, check=True)

    # Killed while the second of three trials trains.
    process = subprocess.Popen(command(config, killed, 1), env=environment)
    while len(list(killed.glob("trials/**/metrics_epoch_*.json"))) < 4:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(
        command(config, killed, 1), env=environment, check=True, capture_output=True, text=True
    )
    assert trials(killed) == trials(whole)
    assert (killed / "best.jsonnet").read_text() == (whole / "best.jsonnet").read_text()
    assert "best: trial " in done.stdout and "+weibo_f1" in done.stdout

    # The best config gives the score that it was chosen for, and only then the test set's.
    best = load_config(killed / "best.jsonnet")
    (tmp_path / "run").mkdir()
    metrics = train_model(best, tmp_path / "run")
    states = {row["trainer.optimizer.lr"]: row["value"] for row in trials(killed)}
    value = float(states[str(best["trainer"]["optimizer"]["lr"])])
    assert metrics["best_validation_weibo_f1"] == pytest.approx(value, abs=1e-6)
    assert "test_weibo_f1" in metrics
    for file in killed.glob("trials/*/metrics*.json"):
        assert not any(name.startswith("test_") for name in json.loads(file.read_text("utf-8")))


@pytest.mark.slow
def test_trials_side_by_side(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    config = config_of(tmp_path)
    result = run("tune", config, "-s", "tuned", "--trials", "3", "--jobs", "2")
    assert result.status == 0, result.err
    rows = trials(Path("tuned"))
    assert len(rows) == 3 and len({row["trainer.optimizer.lr"] for row in rows}) == 3
    assert not list(Path("tuned").glob("trials/*/training")), "weights are not kept"
