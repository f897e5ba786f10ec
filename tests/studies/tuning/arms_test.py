"""Tuning of the arms of a study."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.common.stages import stages_of
from ner_adv_plugin.studies.compare import audited, compare
from ner_adv_plugin.studies.study import Study, load_study
from ner_adv_plugin.studies.tuning import best_overrides, trials, tuned_jobs
from tests.studies.in_process import in_this_process
from tests.studies.tuning.tuner_test import Pretended, near, rate
from tests.tiny import tiny_config, write_config

LR, DROPOUT = "trainer.optimizer.lr", "model.head.dropout"
RATES = {LR: {"lo": 1e-4, "hi": 1.0, "log": True}}


def study_of(folder: Path, **tune_arms: Any) -> Study:
    """Return a study of two arms, of which only one has an objective."""
    hard = tiny_config()
    hard["model"]["type"] = "hard_sharing"
    write_config(folder / "hard.json", hard)
    write_config(folder / "adv.json", tiny_config(model__objectives=[{"type": "coral"}]))
    study = {
        "target": "weibo",
        "baseline": "hard",
        "arms": {
            "hard": {"config": str(folder / "hard.json")},
            "adv": {"config": str(folder / "adv.json")},
        },
        "seeds": 2,
        "sizes": [10, 20],
        "budget": {"type": "steps", "steps": 4},
        "rounds": 100,
        "tune_arms": tune_arms,
    }
    return load_study(write_config(folder / "study.json", study))


@pytest.mark.parametrize(
    ("tune_arms", "path", "message"),
    [
        ({"trials": 0, "space": RATES}, "tune_arms.trials", "expected 1 or more"),
        ({"trials": 2}, "tune_arms.space", "no search space for arm"),
        (
            {"trials": 2, "space": RATES, "seeds": [0, 0]},
            "tune_arms.seeds",
            "expected different seeds",
        ),
        (
            {"trials": 2, "space": RATES, "seeds": [0, 2]},
            "tune_arms.seeds",
            "found 2, a seed of the study",
        ),
        (
            {"trials": 2, "arms": {"adv": RATES}},
            "tune_arms.space",
            'no search space for arm "hard": all arms have equally many trials',
        ),
        (
            {"trials": 2, "space": RATES, "arms": {"ad": RATES}},
            "tune_arms.arms.ad",
            'no arm "ad". Did you mean "adv"?',
        ),
        (
            {"trials": 2, "space": {LR: 0.1}},
            f"tune_arms.space.{LR}",
            "expected { lo, hi, log } or { choices }, found 0.1",
        ),
        (
            {"trials": 2, "space": {LR: {"lo": 2, "hi": 1}}},
            f"tune_arms.space.{LR}.hi",
            "expected more than lo",
        ),
        (
            {"trials": 2, "space": {"trainer.num_epochs": {"lo": 1, "hi": 3}}},
            "tune_arms.space.trainer.num_epochs",
            "the study decides this",
        ),
        (
            {
                "trials": 2,
                "space": RATES,
                "arms": {"adv": {"model.objectives.3.weight": RATES[LR]}},
            },
            "tune_arms.arms.adv.model.objectives.3.weight",
            "is not an index",
        ),
        (
            {"trials": 2, "space": {"trainer.optimizer.lrr": {"lo": 1, "hi": 3}}},
            "arms.adv.trainer.optimizer.lrr",
            'Did you mean "lr"?',
        ),
    ],
)
def test_a_tuning_that_makes_no_sense(
    tune_arms: dict[str, Any], path: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as error:
        audited(study_of(tmp_path, **tune_arms))
    assert error.value.path == path
    assert message in error.value.message


def test_every_arm_has_its_own_best_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "POLL_SECONDS", 0.0)
    dropouts = {DROPOUT: {"choices": [0.0, 0.5]}}
    study = study_of(
        tmp_path,
        trials=6,
        seeds=[7, 8],
        space={**RATES, **dropouts},
        arms={
            "adv": {
                "model.tower": {
                    "choices": [
                        {"type": "gru", "hidden_size": 8},
                        {"type": "lstm", "hidden_size": 4},
                    ]
                }
            }
        },
    )
    jobs, _ = audited(study)
    configs: list[dict[str, Any]] = []

    def noted(config: dict[str, Any]) -> list[float]:
        configs.append(config)
        return near(config)

    study.executor = Pretended(noted)
    tuned = best_overrides(study, jobs, tmp_path / "tuning")
    assert {name: best.trials for name, best in tuned.items()} == {"hard": 6, "adv": 6}
    # The most of the sizes, the first budget, and seeds of its own; a pruned trial has one run.
    for config in configs:
        assert config["data_loader"]["subset"] == {"weibo": 20}
        assert config["trainer"]["max_steps"] == 4
        assert config["random_seed"] == config["numpy_seed"] == config["pytorch_seed"]
    seeds = [config["random_seed"] for config in configs]
    assert seeds.count(7) == 12 and 10 <= seeds.count(8) <= 12 and set(seeds) == {7, 8}
    assert set(tuned["hard"].values) == {LR, DROPOUT}
    assert set(tuned["adv"].values) == {LR, DROPOUT, "model.tower"}

    found = tuned_jobs(study, jobs, tuned)
    for name, best in tuned.items():
        config = found[name].config
        assert config["trainer"]["optimizer"]["lr"] == best.values[LR]
        assert config["trainer"]["num_epochs"] == 3 and "subset" not in config["data_loader"]
        assert config["evaluate_on_test"] is True
    # A choice replaces the tower, it is not merged into it.
    assert found["adv"].config["model"]["tower"] == tuned["adv"].values["model.tower"]
    assert found["hard"].config["model"]["tower"] == jobs["hard"].config["model"]["tower"]


@pytest.mark.slow
def test_a_study_trains_its_arms_with_the_best_values(tmp_path: Path) -> None:
    study = study_of(tmp_path, trials=2, space={LR: {"choices": [0.0, 0.02]}})
    study.sizes, study.seeds = [20], [1]
    with in_this_process():
        compare(study, tmp_path / "study")
    noted = json.loads((tmp_path / "study" / "study.json").read_text("utf-8"))
    for name in ("hard", "adv"):
        best = noted["tuned"][name]
        assert best["trials"] == 2 and set(best["values"]) == {LR}
        assert noted["arms"][name]["trainer"]["optimizer"]["lr"] == best["values"][LR]
        (run,) = (tmp_path / "study" / "runs").glob(f"{name}-*")
        config = json.loads((run / "config.json").read_text("utf-8"))
        assert config["trainer"]["optimizer"]["lr"] == best["values"][LR]
    for folder in (tmp_path / "study" / "tuning").glob("*/trials/*"):
        assert not list(folder.glob("predictions*")), "no test set is scored"


def test_trials_of_an_arm_with_stages_tune_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "POLL_SECONDS", 0.0)
    study = study_of(tmp_path, trials=2, space={LR: {"choices": [0.01, 0.02]}})
    staged = load_config(study.arms["hard"].config or "")
    staged["stages"] = [
        {"name": "source", "datasets": ["msra", "msr"], "trainer": {"validation_metric": "-loss"}},
        {"name": "target", "datasets": ["weibo"]},
    ]
    write_config(tmp_path / "adv.json", staged)
    jobs, _ = audited(study)
    configs: list[dict[str, Any]] = []

    def noted(config: dict[str, Any]) -> list[float]:
        configs.append(config)
        return [0.5]

    study.executor = Pretended(noted)
    tuned = best_overrides(study, jobs, tmp_path / "tuning")
    of_arm = [stages_of(config) for config in configs if "stages" in config]
    assert [rate(last.config) for _, last in of_arm] == [0.01, 0.02]
    # The first stage is that of the arm, whole.
    first = stages_of(jobs["adv"].config)[0].config["trainer"]
    assert [one.config["trainer"] for one, _ in of_arm] == [first, first]
    assert [last.config["trainer"]["max_steps"] for _, last in of_arm] == [4, 4]

    last = tuned_jobs(study, jobs, tuned)["adv"]
    assert last.config["stages"][1][LR] == last.filled["trainer"]["optimizer"]["lr"] == 0.01
    assert last.earlier[0].filled["trainer"]["optimizer"]["lr"] == 0.02
