"""Budgets, by the plans of the runs that they give."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.updates import count_updates
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import read_data
from ner_adv_plugin.runs.train_job import build_trainer
from ner_adv_plugin.studies.study import Study, checked_arms, grid, load_study

SINGLE, HARD = "training_configs/single.jsonnet", "training_configs/hard_sharing.jsonnet"
IN_TURN = {"type": "homogeneous_roundrobin", "batch_size": 32}


@pytest.fixture(autouse=True)
def _in_the_project(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def study_of(folder: Path, budget: dict[str, Any], **in_turn: Any) -> Study:
    """One dataset; three datasets in each batch; three datasets, a batch of each in turn."""
    study = {
        "config": HARD,
        "target": "weibo",
        "baseline": "single",
        "arms": {
            "single": {"config": SINGLE},
            "mixed": {},
            "in_turn": {"overrides": {"data_loader.scheduler": IN_TURN, **in_turn}},
        },
        "seeds": [1],
        "budget": budget,
    }
    file = folder / "study.jsonnet"
    file.write_text(json.dumps(study), "utf-8")
    return load_study(file)


def planned(study: Study, folder: Path) -> dict[str, tuple[int, int]]:
    """Steps of every arm's whole run, and how many of them train on the target."""
    found = {}
    for run in grid(study, checked_arms(study)):
        job = checked_job(run.config)
        trainer = build_trainer(job, read_data(job), folder / run.arm, targets=False)
        steps = [step for epoch in range(trainer.num_epochs) for step in trainer.plan_steps(epoch)]
        steps = steps[: trainer.max_steps]
        found[run.arm] = len(steps), count_updates(steps, ["weibo"])["weibo"].steps
    return found


def test_equal_updates_are_more_steps_where_datasets_take_turns(tmp_path: Path) -> None:
    found = planned(study_of(tmp_path, {"type": "updates", "updates": 40}), tmp_path)

    assert found["single"] == found["mixed"] == (40, 40)
    steps, updates = found["in_turn"]
    assert updates == pytest.approx(40, abs=1)
    assert steps > 1.5 * updates


def test_equal_steps_are_fewer_updates_there(tmp_path: Path) -> None:
    found = planned(study_of(tmp_path, {"type": "steps", "steps": 40}), tmp_path)

    assert {steps for steps, _ in found.values()} == {40}
    assert found["in_turn"][1] < 27


def test_the_updates_of_the_baseline_are_the_default(tmp_path: Path) -> None:
    found = planned(study_of(tmp_path, {"type": "updates"}), tmp_path)

    steps, updates = found["single"]
    assert steps == updates == found["mixed"][1]
    assert found["in_turn"][1] == pytest.approx(updates, rel=0.05)


def test_an_arm_that_never_trains_on_the_target(tmp_path: Path) -> None:
    rarely = {"weights": {"weibo": 1e-9, "msra": 1, "msr": 1}, "instances_per_epoch": 96}
    weights = {"type": "weighted", "anchor": None, **rarely}
    study = study_of(
        tmp_path, {"type": "updates", "updates": 40}, **{"data_loader.sampler": weights}
    )
    with pytest.raises(ConfigurationError) as error:
        list(grid(study, checked_arms(study)))
    assert error.value.path == "budget"
    assert 'first epoch of arm "in_turn" has no sentence of "weibo"' in error.value.message
