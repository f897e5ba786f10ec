"""An arm with stages: the budget and the size are those of its last stage."""

import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.common.progress import INTERVAL
from ner_adv_plugin.common.stages import config_of_model, with_last_stage
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.spent import Spent
from ner_adv_plugin.studies import facts, worker
from ner_adv_plugin.studies.compare import print_plan
from ner_adv_plugin.studies.engine import StudyRun, file_digests, prepare
from ner_adv_plugin.studies.study import (
    Arm,
    PlannedStudyRun,
    Study,
    checked_arms,
    grid,
    load_study,
)
from ner_adv_plugin.studies.table import LiveTable
from tests.tiny import ROOT

FIXTURES = ROOT / "fixtures" / "configs"


def test_the_time_of_a_dry_run_is_that_of_all_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study_file = tmp_path / "study.jsonnet"
    arms = {
        name: {"config": str(FIXTURES / f"{name}.jsonnet")} for name in ("hard_sharing", "staged")
    }
    budget = {"type": "steps", "steps": 3}
    settings = {"target": "weibo", "baseline": "hard_sharing", "arms": arms, "seeds": [1]}
    study_file.write_text(json.dumps({**settings, "budget": budget}))

    # A second for a step of both, a minute for one of MSRA alone.
    def seconds(trainer: facts.Trainer) -> float:
        return 60.0 if set(trainer.data_loader.sentences()) == {"msra"} else 1.0

    monkeypatch.setattr(facts, "_timed", seconds)
    print_plan(load_study(study_file))
    lines = capsys.readouterr().out.splitlines()
    # 12 sentences of MSRA in batches of 6, for one epoch.
    assert lines[0].endswith("3 optimizer steps, about 3 s")
    assert lines[1].endswith("3 optimizer steps, about 2 min 03 s")


def test_equal_seconds_are_those_of_all_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_file = tmp_path / "study.jsonnet"
    arms = {
        name: {"config": str(FIXTURES / f"{name}.jsonnet")} for name in ("hard_sharing", "staged")
    }
    settings = {"target": "weibo", "baseline": "hard_sharing", "arms": arms, "seeds": [1]}

    # The stage before has two steps of MSRA alone, 9 seconds each.
    def seconds(trainer: facts.Trainer) -> float:
        return 9.0 if set(trainer.data_loader.sentences()) == {"msra"} else 2.0

    monkeypatch.setattr(facts, "_timed", seconds)
    monkeypatch.setattr(facts, "_SECONDS", {})

    def steps(budget: float) -> dict[str, int]:
        study_file.write_text(
            json.dumps({**settings, "budget": {"type": "seconds", "seconds": budget}})
        )
        study = load_study(study_file)
        return {
            run.arm: config_of_model(run.config)["trainer"]["max_steps"]
            for run in grid(study, checked_arms(study))
        }

    assert steps(28.0) == {"hard_sharing": 14, "staged": 5}
    with pytest.raises(ConfigurationError, match='of arm "staged" before its last') as error:
        steps(18.0)
    assert error.value.path == "budget.seconds"


@pytest.mark.parametrize(("length", "shown"), [({}, "1/2 50.0"), ({"max_steps": 9}, "1 50.0")])
def test_the_live_table_shows_the_stage(
    length: dict[str, int], shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config(FIXTURES / "staged.jsonnet")
    config = with_last_stage(config, {f"trainer.{key}": value for key, value in length.items()})
    study = Study(arms={"staged": Arm(), "single": Arm()}, baseline="single", target="weibo")
    table = LiveTable(study, dict.fromkeys(study.arms, checked_job(config)))
    run = StudyRun(PlannedStudyRun("staged", None, 1, "epochs", config), tmp_path)
    run.handle = Mock()

    def line() -> str:
        table._last_time = -INTERVAL
        table.show([run])
        return capsys.readouterr().err.rsplit(": ", 1)[1].strip()

    assert line() == "stage source"
    training = tmp_path / "training"
    (training / "stages" / "source").mkdir(parents=True)
    (training / "stages" / "source" / "metrics.json").write_text("{}", "utf-8")
    (training / "metrics_epoch_0.json").write_text('{"best_validation_weibo_f1": 0.5}', "utf-8")
    assert line() == shown


def test_a_staged_arm_is_planned_trained_and_scored(tmp_path: Path) -> None:
    study_file = tmp_path / "study.jsonnet"
    arms = {
        "hard": {"config": str(FIXTURES / "hard_sharing.jsonnet")},
        "staged": {"config": str(FIXTURES / "staged.jsonnet")},
    }
    settings = {"target": "weibo", "baseline": "hard", "arms": arms, "seeds": [5], "sizes": [12]}
    study_file.write_text(json.dumps({**settings, "budget": {"type": "epochs", "epochs": 3}}))
    study = load_study(study_file)
    jobs = checked_arms(study)
    assert any("msra" in path for path in file_digests(jobs["staged"]))

    runs = {run.planned.arm: run for run in prepare(study, jobs, grid(study, jobs), tmp_path)}
    folder = runs["staged"].folder
    # What processes that were killed have cost counts.
    Spent(100.0, 150.0).write(folder)
    worker.train(folder)
    result = runs["staged"].result()
    assert 100 < result["seconds"] < 300 and 150 < result["cpu_seconds"] < 500
    assert result["epochs"] == 3 and result["target_sentences"] == 12
    assert set(result["scores"]) == {"validation"}
    assert result["metrics"]["stage_source_training_epochs"] == 1
    kept = json.loads((folder / "config.json").read_text("utf-8"))
    assert kept["random_seed"] == 5 and [own["name"] for own in kept["stages"]] == [
        "source",
        "target",
    ]
