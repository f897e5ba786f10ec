"""Studies of several targets: their configs, their runs, and the transfer matrix."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.studies.compare import compare
from ner_adv_plugin.studies.compare_targets import compare_targets, print_plan_of_targets
from ner_adv_plugin.studies.executors import LocalExecutor
from ner_adv_plugin.studies.study import Study, load_study
from ner_adv_plugin.studies.targets import TargetsStudy, load_studies
from tests.studies.in_process import in_this_process
from tests.tiny import DATA, tiny_config, write_config

PEOPLE_DAILY = {"train": "example.train", "validation": "example.dev", "test": "example.test"}


def config_of(folder: Path, target: str, *sources: str) -> str:
    """Write a config of hard sharing of a target and its sources, and return its path."""
    config = tiny_config(
        model__type="hard_sharing", model__encoder__embedding_dim=16, trainer__num_epochs=12
    )
    config["dataset_reader"]["readers"]["people_daily"] = {
        "type": "people_daily",
        "max_instances": 40,
    }
    for split, file in PEOPLE_DAILY.items():
        config[f"{split}_data_path"]["people_daily"] = str(DATA / "people_daily" / file)
    names = [target, *sources]
    readers = config["dataset_reader"]["readers"]
    config["dataset_reader"]["readers"] = {name: readers[name] for name in names}
    train = config["train_data_path"]
    config["train_data_path"] = {name: train[name] for name in names}
    for key in ("validation_data_path", "test_data_path"):
        config[key] = {target: config[key][target]}
    config["trainer"]["validation_metric"] = f"+{target}_f1"
    return write_config(folder / f"{'-'.join(names)}.json", config)


def study_of(folder: Path) -> dict[str, Any]:
    """Return the config of a study of two targets and two sources each."""
    sources = {"weibo": ("msra", "people_daily"), "people_daily": ("msra", "weibo")}
    return {
        "targets": {
            target: {
                "baseline": "alone",
                "config": config_of(folder, target),
                "arms": {
                    "alone": {},
                    **{name: {"config": config_of(folder, target, name)} for name in names},
                },
            }
            for target, names in sources.items()
        },
        "seeds": 2,
        "rounds": 100,
        "executor": {"type": "local", "jobs": 1},
    }


def loaded(folder: Path, study: dict[str, Any]) -> TargetsStudy:
    found = load_studies(write_config(folder / "study.json", study))
    assert isinstance(found, TargetsStudy)
    return found


def test_keys_are_shared_and_overridden(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    study["targets"]["weibo"]["seeds"] = [7]
    studies = loaded(tmp_path, study).studies
    assert {name: (one.target, one.seed_list(), one.rounds) for name, one in studies.items()} == {
        "weibo": ("weibo", [7], 100),
        "people_daily": ("people_daily", [1, 2], 100),
    }
    del study["targets"]
    plain = load_studies(
        write_config(
            tmp_path / "plain.json",
            {**study, "target": "weibo", "baseline": "a", "arms": {"a": {}, "b": {}}},
        )
    )
    assert isinstance(plain, Study)


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"target": "weibo"}, "target", "either target or targets, found both"),
        ({"targets": {}}, "targets", "expected one target or more"),
        ({"targets": ["weibo"]}, "targets", "expected an object"),
        ({"targets": {"a/b": {}}}, "targets", 'found "a/b"'),
        (
            {"targets.weibo.baseline": "alon"},
            "targets.weibo.baseline",
            'no arm "alon". Did you mean "alone"?',
        ),
        ({"targets.weibo.target": "msra"}, "targets.weibo.target", 'the target is "weibo"'),
        ({"targets.weibo.sede": 3}, "targets.weibo.sede", "unknown key"),
        ({"targets.weibo.targets": {}}, "targets.weibo.targets", "unknown key"),
        ({"sizes": [0]}, "sizes", "expected 1 or more, or null, found 0 (targets.people_daily)"),
    ],
)
def test_a_study_that_makes_no_sense(
    changes: dict[str, Any], path: str, message: str, tmp_path: Path
) -> None:
    study = study_of(tmp_path)
    for key, value in changes.items():
        *above, last = key.split(".")
        place = study
        for name in above:
            place = place[name]
        place[last] = value
    with pytest.raises(ConfigurationError) as error:
        loaded(tmp_path, study)
    assert error.value.path == path
    assert error.value.message.startswith(message)


def test_one_target_where_several_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="targets: expected a study of one target"):
        load_study(write_config(tmp_path / "study.json", study_of(tmp_path)))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"sizes": [30, 400]}, "targets.people_daily.sizes"),
        ({"metric": "f1_PER.NAM"}, "targets.people_daily.metric"),
        ({"arms": {"alone": {}, "twin": {}}}, "targets.people_daily.arms.twin"),
    ],
)
def test_all_targets_are_checked_before_the_first_run(
    changes: dict[str, Any], path: str, tmp_path: Path
) -> None:
    study = study_of(tmp_path)
    study["targets"]["people_daily"].update(changes)
    with pytest.raises(ConfigurationError) as error:
        compare_targets(loaded(tmp_path, study), tmp_path / "study")
    assert error.value.path == path
    assert not (tmp_path / "study").exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that has run; its folder is `study` in this one."""
    path = tmp_path_factory.mktemp("targets")
    command = ["compare", "study.json", "-s", "study"]
    with in_this_process():
        compare_targets(loaded(path, study_of(path)), path / "study", command=command)
    return path


@pytest.mark.slow
def test_each_target_is_a_study_of_its_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: LocalExecutor, *arguments: object) -> None:
        raise AssertionError("a run is trained again")

    monkeypatch.setattr(LocalExecutor, "start", refuse)
    study = study_of(folder)
    targets = study.pop("targets")
    matrix = json.loads((folder / "study/results.json").read_text("utf-8"))["matrix"]
    assert len(matrix) == 1
    assert set(matrix[0]["arms"]) == {"msra", "people_daily", "weibo"}
    for target, own in targets.items():
        # The runs of the plain study are the same: they are found in the cache.
        shutil.copytree(folder / "study" / target / "runs", tmp_path / target / "runs")
        file = write_config(tmp_path / f"{target}.json", {**study, **own, "target": target})
        compare(load_study(file), tmp_path / target)

        (family,) = json.loads((tmp_path / target / "results.json").read_text("utf-8"))["families"]
        row = matrix[0]["rows"][target]
        assert row["baseline"] == "alone"
        assert row["baseline_f1"] == family["arms"]["alone"]["mean_f1"]
        assert row["cells"].keys() == {"msra", "people_daily", "weibo"}
        assert row["cells"][target] is None
        for name in family["arms"].keys() - {"alone"}:
            cell = row["cells"][name]
            assert set(cell) == {"difference", "interval", "p_holm", "verdict"}
            assert cell == {key: family["arms"][name][key] for key in cell}
            assert family["arms"][name]["mean_f1"] > 0

    # Nor does the study itself train anything again.
    report = (folder / "study/results.json").read_bytes()
    compare_targets(loaded(folder, study_of(folder)), folder / "study")
    assert (folder / "study/results.json").read_bytes() == report


@pytest.mark.slow
def test_files_of_all_targets(folder: Path) -> None:
    with (folder / "study/results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["target"], row["arm"], row["seed"]) for row in rows} == {
        (target, arm, seed)
        for target, own in study_of(folder)["targets"].items()
        for arm in own["arms"]
        for seed in ("1", "2")
    }
    for target in ("weibo", "people_daily"):
        own = list(csv.DictReader((folder / "study" / target / "results.csv").open()))
        assert [{"target": target, **row} for row in own] == [
            row for row in rows if row["target"] == target
        ]
        assert (folder / "study" / target / "report.html").is_file()


@pytest.mark.slow
def test_one_total_of_a_dry_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_plan_of_targets(loaded(folder, study_of(folder)))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("target ")] == [
        "target people_daily",
        "target weibo",
    ]
    assert sum("optimizer steps, about" in line for line in lines) == 12
    assert lines[-1].startswith("2 targets, 12 runs: about ")


def test_the_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "thesis.tex").touch()
    with pytest.raises(UserError, match="is not the folder of a study"):
        compare_targets(loaded(tmp_path, study_of(tmp_path)), tmp_path / "study")
