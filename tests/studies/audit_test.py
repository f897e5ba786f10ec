"""Sentences that score an arm and stand in its training data."""

import json
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.studies.compare import audited
from ner_adv_plugin.studies.study import Study, load_study

WEIBO = "fixtures/data/weibo/weiboNER_2nd_conll"


def study_of(folder: Path, arm: dict[str, Any], baseline: dict[str, Any] | None = None) -> Study:
    """Return a study of Weibo alone, and of an arm."""
    study = {
        "config": "training_configs/single.jsonnet",
        "target": "weibo",
        "baseline": "single",
        "arms": {"single": baseline or {}, "other": arm},
    }
    file = folder / "study.jsonnet"
    file.write_text(json.dumps(study), "utf-8")
    return load_study(file)


def trains_on(split: str, **changes: Any) -> dict[str, Any]:
    """Return an arm whose training data is a split that scores it."""
    overrides = {"train_data_path.weibo": f"{WEIBO}.{split}", "data_loader.leakage": "allow"}
    return {"overrides": overrides | changes}


@pytest.fixture(autouse=True)
def at_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def test_an_arm_that_trains_on_the_test_set(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r'arm "other": \d+ training sentences of weibo hold a test'
    ):
        audited(study_of(tmp_path, trains_on("test")))


def test_without_a_test_set_validation_sentences_score(tmp_path: Path) -> None:
    none = {"test_data_path": None, "evaluate_on_test": False}
    study = study_of(tmp_path, trains_on("dev", **none), {"overrides": none})
    with pytest.raises(UserError, match="hold a validation sentence"):
        audited(study)


def test_a_leak_that_is_declared(tmp_path: Path) -> None:
    _, audit = audited(study_of(tmp_path, trains_on("test") | {"leaks": True}))
    sentences = audit["other"].sentences
    assert sentences["train"] == sentences["test"]


@pytest.mark.parametrize(
    ("arm", "baseline", "path", "message"),
    [
        (
            {"overrides": {"trainer.num_epochs": 1}, "leaks": True},
            {},
            "arms.other.leaks",
            "no training sentence of the arm holds a test sentence",
        ),
        (
            {"overrides": {"trainer.num_epochs": 1}},
            trains_on("test") | {"leaks": True},
            "arms.single.leaks",
            "the baseline must not leak",
        ),
    ],
)
def test_a_leak_that_is_declared_wrongly(
    arm: dict[str, Any], baseline: dict[str, Any], path: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        audited(study_of(tmp_path, arm, baseline))
    assert error.value.path == path
