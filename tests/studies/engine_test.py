"""The engine of studies: killed and resumed, extended, with failing runs, on other executors."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.studies import facts
from ner_adv_plugin.studies.compare import compare
from ner_adv_plugin.studies.results import StudyResults
from ner_adv_plugin.studies.study import load_study
from tests.studies.in_process import in_this_process
from tests.tiny import ROOT, tiny_config

PREDICTIONS = ("predictions_validation.jsonl", "predictions_test.jsonl")

# A callback of a plugin that fails in the runs of one seed as long as a file is there.
PLUGIN = """
from pathlib import Path

from ner_adv_plugin.training.callbacks import TrainerCallback


@TrainerCallback.register("stumble")
class Stumble(TrainerCallback):
    def __init__(self, seed: int, file: str) -> None:
        self.seed, self.file = seed, file

    def on_start(self, trainer, is_primary=True, **kwargs):
        import torch

        if Path(self.file).is_file() and torch.initial_seed() == self.seed:
            raise RuntimeError("a stumble")
"""


def study_of(folder: Path, **changes: Any) -> Path:
    """Write a study of two small arms and return its file."""
    small = {"trainer.num_epochs": 4, "model.encoder.embedding_dim": 8}
    config = folder / "adversarial.jsonnet"
    config.write_text(json.dumps(tiny_config(model__objectives=[])), "utf-8")
    study: dict[str, Any] = {
        "config": str(config),
        "target": "weibo",
        "baseline": "shared",
        "arms": {
            "shared": {"overrides": small},
            "wide": {"overrides": {**small, "model.encoder.embedding_dim": 12}},
        },
        "seeds": [1, 2],
        "rounds": 100,
        **changes,
    }
    file = folder / "study.jsonnet"
    file.write_text(json.dumps(study), "utf-8")
    return file


def run_study(folder: Path, **changes: Any) -> StudyResults:
    """Run a study in this process; its folder is `study` in `folder`."""
    return compare(load_study(study_of(folder, **changes)), folder / "study")


def trained(results: StudyResults) -> dict[str, tuple[bytes, ...]]:
    """Return what every run predicted."""
    return {
        run.folder.name: tuple((run.folder / name).read_bytes() for name in PREDICTIONS)
        for run in results.runs
    }


def without_cost(results: StudyResults) -> dict[str, Any]:
    """Return `results.json` without the CPU seconds of the arms, which differ between runs."""
    found = results.as_json()
    for family in found["families"]:
        for arm in family["arms"].values():
            assert arm.pop("cpu_seconds") > 0
    return found


@pytest.mark.slow
def test_equal_seconds_are_measured_once_for_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = {"budget": {"type": "seconds", "seconds": 0.5}, "seeds": [1, 2]}
    with in_this_process():
        first = run_study(tmp_path, **study)
    times = {run.folder: (run.folder / "result.json").stat().st_mtime_ns for run in first.runs}
    assert len(times) == 4

    # As another process would, on a machine that is now twice as slow.
    measured = json.loads((tmp_path / "study" / "seconds_per_step.json").read_text("utf-8"))
    monkeypatch.setattr(facts, "_SECONDS", {})
    monkeypatch.setattr(facts, "_timed", lambda trainer: 2 * max(measured.values()))
    again = run_study(tmp_path, **study)
    assert {
        run.folder: (run.folder / "result.json").stat().st_mtime_ns for run in again.runs
    } == times


@pytest.mark.slow
def test_a_study_that_was_killed_goes_on_to_the_same_results(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = run_study(tmp_path / "whole")

    # The data and the configs are the same files, so that the runs have the same names.
    folder = tmp_path / "killed" / "study"
    command = [sys.executable, "-m", "ner_adv_plugin", "compare"]
    command += [str(study_of(tmp_path / "killed")), "-s", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for moment in ("*/training/metrics_epoch_0.json", "*/result.json"):
        process = subprocess.Popen(
            command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
        )
        limit = time.monotonic() + 300
        while not list((folder / "runs").glob(moment)) and time.monotonic() < limit:
            time.sleep(0.05)
        # With its workers, as if the machine had stopped.
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL

    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "undecided" in ended.stdout or "helped" in ended.stdout or "hurt" in ended.stdout
    again = run_study(tmp_path / "killed")
    assert trained(again) == trained(whole)
    assert without_cost(again) == without_cost(whole)

    # One seed more trains two runs.
    times = {run.folder: (run.folder / "result.json").stat().st_mtime_ns for run in again.runs}
    more = run_study(tmp_path / "killed", seeds=[1, 2, 3])
    assert len(more.runs) == 6
    old = [run for run in more.runs if run.folder in times]
    assert len(old) == 4
    assert all((run.folder / "result.json").stat().st_mtime_ns == times[run.folder] for run in old)
    assert (tmp_path / "killed" / "study" / "report.html").is_file()


@pytest.mark.slow
def test_a_failed_run_is_shown_stops_no_other_and_can_be_retried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stumbling.py").write_text(PLUGIN, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    __import__("stumbling")
    stone = tmp_path / "stone"
    stone.touch()

    stumble = [{"type": "stumble", "seed": 2, "file": str(stone)}]
    small = {"trainer.num_epochs": 1}
    arms = {
        "shared": {"overrides": small},
        "wide": {"overrides": {**small, "trainer.callbacks": stumble}},
    }
    study = load_study(study_of(tmp_path, arms=arms))
    results = compare(study, tmp_path / "study", ["stumbling"])
    assert {run.planned.name: run.state for run in results.runs} == {
        "shared-all-epochs-seed1": "done",
        "shared-all-epochs-seed2": "done",
        "wide-all-epochs-seed1": "done",
        "wide-all-epochs-seed2": "failed",
    }
    shown = capsys.readouterr().err
    assert "failed: wide-all-epochs-seed2" in shown and "a stumble" in shown
    # Its pair is left out for all arms.
    assert [family.seeds for family in results.families] == [[1]]

    stone.unlink()
    again = compare(study, tmp_path / "study", ["stumbling"])
    assert again.families[0].seeds == [1]
    again = compare(study, tmp_path / "study", ["stumbling"], retry=True)
    assert again.families[0].seeds == [1, 2]


@pytest.mark.slow
def test_executors_train_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    log = tmp_path / "started"
    executors = {
        "local": {"type": "local", "jobs": 2},
        "command": {
            "type": "command",
            "command": f"echo {{name}} >> {shlex.quote(str(log))} && {{command}}",
            "jobs": 2,
        },
        "slurm": {"type": "slurm", "cluster": "local", "jobs": 2},
    }
    found = {}
    for name, executor in executors.items():
        (tmp_path / name).mkdir()
        overrides = {"trainer.num_epochs": 1}
        arms = {
            "shared": {"overrides": overrides},
            "wide": {"overrides": {**overrides, "model.encoder.embedding_dim": 12}},
        }
        results = run_study(tmp_path / name, executor=executor, seeds=[1], arms=arms)
        found[name] = trained(results)
        assert len(found[name]) == 2
    assert found["command"] == found["local"]
    assert found["slurm"] == found["local"]
    assert sorted(log.read_text("utf-8").split()) == sorted(found["command"])


@pytest.mark.parametrize("command", ["srun", "srun {cmd}"])
def test_a_command_without_the_run(command: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        load_study(study_of(tmp_path, executor={"type": "command", "command": command}))
    assert "{command}" in str(error.value)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "thesis.tex").touch()
    with pytest.raises(UserError) as error:
        run_study(tmp_path)
    assert "is not the folder of a study" in str(error.value)
    assert [file.name for file in (tmp_path / "study").iterdir()] == ["thesis.tex"]


def test_arms_that_do_not_score_the_same(tmp_path: Path) -> None:
    merged = {"dataset_reader.readers.weibo.type_map": {"PER.NOM": "PER.NAM"}}
    arms = {"shared": {}, "merged": {"overrides": merged}}
    with pytest.raises(UserError) as error:
        run_study(tmp_path, arms=arms)
    assert "arms.merged" in str(error.value)
    assert "other gold entities" in str(error.value)


def test_a_metric_of_a_type_that_does_not_occur(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        run_study(tmp_path, metric="f1_PER.NAN")
    assert 'metric: no entity of type "PER.NAN"' in str(error.value)
    assert 'Did you mean "PER.NAM"?' in str(error.value)


def test_a_size_that_the_corpus_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        run_study(tmp_path, sizes=[20, 5000])
    assert "sizes" in str(error.value) and "fewer than 5000" in str(error.value)
