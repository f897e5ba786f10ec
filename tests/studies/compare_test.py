"""A study from its config to its results, killed once on the way."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.studies.compare import compare
from ner_adv_plugin.studies.study import checked_arms, grid, load_study
from tests.studies.in_process import in_this_process
from tests.tiny import single_task_config, write_config

SINGLE, HARD = "training_configs/single.jsonnet", "training_configs/hard_sharing.jsonnet"


def study_file(folder: Path, **changes: Any) -> Path:
    study: dict[str, Any] = {
        "config": SINGLE,
        "target": "weibo",
        "baseline": "single",
        "arms": {"single": {}, "hard": {"config": HARD}},
        "seeds": [1, 2],
        **changes,
    }
    file = folder / "study.jsonnet"
    file.write_text(json.dumps(study), "utf-8")
    return file


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"baseline": "singel"}, "baseline", 'no arm "singel". Did you mean "single"?'),
        ({"arms": {"single": {}}}, "arms", "expected the baseline and one arm or more"),
        ({"metric": "loss"}, "metric", 'found "loss", expected f1'),
        ({"seeds": [1, 1]}, "seeds", "expected different seeds"),
        ({"sizes": [0]}, "sizes", "expected 1 or more, or null"),
    ],
)
def test_a_study_that_makes_no_sense(
    changes: dict[str, Any], path: str, message: str, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_study(study_file(tmp_path, **changes))
    assert error.value.path == path
    assert error.value.message.startswith(message)


@pytest.mark.parametrize(
    ("arms", "path", "message"),
    [
        ({"hard": {"config": "no.jsonnet"}}, "arms.hard.config", "no config file at no.jsonnet"),
        ({"twin": {}}, "arms.twin", 'the same config as arm "single"'),
        (
            {"more": {"overrides": {"trainer.num_epochs": 10}}},
            "arms.more.overrides.trainer.num_epochs",
            "this override changes nothing",
        ),
    ],
)
def test_an_arm_that_cannot_be_compared(
    arms: dict[str, Any],
    path: str,
    message: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(root)
    study = load_study(study_file(tmp_path, arms={"single": {}, **arms}))
    with pytest.raises(ConfigurationError) as error:
        checked_arms(study)
    assert error.value.path == path
    assert message in error.value.message


def test_a_default_that_is_written_out_makes_no_other_arm(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    written = {"trainer.patience": None}
    assert "patience" not in load_config(SINGLE)["trainer"]
    arms: dict[str, Any] = {"single": {}, "twin": {"overrides": written}}
    with pytest.raises(ConfigurationError) as error:
        checked_arms(load_study(study_file(tmp_path, arms=arms)))
    assert error.value.path == "arms.twin"
    assert error.value.message == 'the same config as arm "single"'

    # As the null study has it.
    arms["twin"] = {"overrides": {"trainer.patience": 1000}}
    assert len(checked_arms(load_study(study_file(tmp_path, arms=arms)))) == 2


def test_a_setting_that_the_arm_names_wrongly(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    arms = {"single": {}, "bad": {"overrides": {"trainer.validation_metric": "+nothing_f1"}}}
    with pytest.raises(ConfigurationError) as error:
        checked_arms(load_study(study_file(tmp_path, arms=arms)))
    assert error.value.path == "arms.bad.trainer.validation_metric"


def test_subsets_are_nested_and_the_same_for_all_arms(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    study = load_study(study_file(tmp_path, sizes=[20, 50], seeds=[3]))
    jobs = checked_arms(study)
    texts: dict[tuple[str, int | None], list[str]] = {}
    from ner_adv_plugin.runs.config_checks import checked_job

    for run in grid(study, jobs):
        data = read_data(checked_job(run.config))
        texts[run.arm, run.size] = list(data.splits["train"]["weibo"].texts())
    assert [len(texts["single", size]) for size in (20, 50)] == [20, 50]
    assert texts["single", 20] == texts["hard", 20]
    assert set(texts["single", 20]) <= set(texts["single", 50])


@pytest.mark.slow
def test_runs_are_trained_once_and_compared(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    budget = {"type": "steps", "steps": 4}
    study = load_study(study_file(tmp_path, budget=budget, sizes=[40], rounds=200))
    with in_this_process():
        first = compare(study, tmp_path / "study")
    with (tmp_path / "study" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["arm"], row["seed"], row["steps"]) for row in rows] == [
        ("hard", "1", "4"),
        ("single", "1", "4"),
        ("hard", "2", "4"),
        ("single", "2", "4"),
    ]
    (family,) = first.families
    assert family.seeds == [1, 2] and family.sentences == 40 and family.split == "test"

    # Nothing is trained again: results are as old as they were.
    times = {run.folder: (run.folder / "result.json").stat().st_mtime_ns for run in first.runs}
    again = compare(study, tmp_path / "study")
    assert {
        run.folder: (run.folder / "result.json").stat().st_mtime_ns for run in again.runs
    } == times
    assert again.as_json() == first.as_json()


def test_the_config_of_a_run_is_no_study(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.json", single_task_config())
    with pytest.raises(ConfigurationError, match="^dataset_reader: this is the config of a run"):
        load_study(config)
