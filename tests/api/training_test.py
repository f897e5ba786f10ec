"""Training from Python, beside what the command line does with the same config."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin import Predictor, train
from ner_adv_plugin.commands.train import prepare_folder
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import DATA, assert_same_weights, learnt, single_task_config, write_config


def config(**overrides: Any) -> dict[str, Any]:
    small = {
        "evaluate_on_test": False,
        "dataset_reader__max_instances": 12,
        "trainer__num_epochs": 1,
    }
    return single_task_config(**{**small, **overrides})


def test_the_result_is_that_of_the_command(tmp_path: Path) -> None:
    root = logging.getLogger()
    handlers = list(root.handlers)
    result = train(config(), tmp_path / "one", verbose=False)
    metrics = train_model(load_config(write_config(tmp_path / "c.json", config())), _new(tmp_path))
    assert learnt(result.metrics) == learnt(metrics)
    assert_same_weights(tmp_path / "one" / "best.th", tmp_path / "other" / "best.th")

    assert json.loads((result.folder / "metrics.json").read_text()) == result.metrics
    assert "training sentences" in (result.folder / "out.log").read_text(encoding="utf-8")
    assert root.handlers == handlers and not logging.getLogger("ner_adv_plugin").handlers
    answers = result.predictor.predict(["魏勇在深圳", ""])
    assert answers == Predictor.from_path(result.archive).predict(["魏勇在深圳", ""])
    assert "best_validation_weibo_f1" in result._repr_html_()


def _new(tmp_path: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    return folder


def test_paths_tuples_overrides_and_seeds(tmp_path: Path) -> None:
    given = config()
    given["train_data_path"] = Path(given["train_data_path"])
    given["trainer"]["optimizer"] = {"type": "adam", "betas": (0.8, 0.99)}
    before = json.loads(json.dumps(given, default=str))
    result = train(given, tmp_path, {"trainer.optimizer.lr": 0.5}, seed=7, verbose=False)
    assert json.loads(json.dumps(given, default=str)) == before
    written = json.loads((result.folder / "config.json").read_text())
    assert written["trainer"]["optimizer"] == {"type": "adam", "betas": [0.8, 0.99], "lr": 0.5}
    assert [written[key] for key in ("random_seed", "numpy_seed", "pytorch_seed")] == [7, 7, 7]
    assert written["train_data_path"] == str(given["train_data_path"])


@pytest.mark.parametrize("overrides", [{"trainer": {"num_epochs": 2}}, "{'trainer.num_epochs': 2}"])
def test_a_file_and_a_dictionary_are_one_config(overrides: Any, tmp_path: Path) -> None:
    path = write_config(tmp_path / "c.json", config())
    epochs = []
    for number, given in enumerate([path, Path(path), config()]):
        result = train(given, tmp_path / str(number), overrides, verbose=False)
        epochs.append(json.loads((result.folder / "config.json").read_text()))
    assert epochs[0] == epochs[1] == epochs[2] and epochs[0]["trainer"]["num_epochs"] == 2


def test_runs_resume_and_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(config(), folder, verbose=False)
    with pytest.raises(UserError, match="is not empty"):
        train(config(), folder, verbose=False)
    result = train(config(trainer__num_epochs=2), folder, recover=True, verbose=False)
    assert result.metrics["training_epochs"] == 2
    whole = train(config(trainer__num_epochs=2), folder, force=True, verbose=False)
    assert learnt(whole.metrics) == learnt(result.metrics)


def test_a_new_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = train(config(), verbose=False)
    assert result.folder.parent == Path("runs") and result.archive.is_file()


def test_progress_is_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    train(config(), tmp_path / "shown")
    found = capsys.readouterr()
    assert "epoch 1 of 1" in found.err and found.out == ""
    train(config(), tmp_path / "silent", verbose=False)
    assert "epoch 1 of 1" not in capsys.readouterr().err


def _failing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("ner_adv_plugin.runs.train_job.build_trainer", fail)
    return config()


def test_a_run_that_fails_before_its_first_step_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match="no"):
        train(_failing(monkeypatch), tmp_path / "new" / "run", verbose=False)
    assert list(tmp_path.iterdir()) == []
    prepare_folder(tmp_path / "new", force=False)


@pytest.mark.parametrize(
    ("given", "options", "path", "message"),
    [
        (config(trainer__num_epoch=3), {}, "trainer.num_epoch", 'Did you mean "num_epochs"'),
        (config(), {"overrides": {"model.typ": 1}}, "model.typ", "unknown key"),
        (config(train_data_path="no.txt"), {}, "train_data_path", "no.txt"),
        ({**config(), "model": {"type": object}}, {}, "model.type", "found builtins.type"),
        ({**config(), "trainer": {3: 1}}, {}, "trainer", "expected strings as keys, found 3"),
        (["a"], {}, "", "expected a dictionary or the path of a file, found list"),
        (config(), {"seed": -1}, "seed", 'expected a number from 0 to 4294967295, found "-1"'),
        (config(distributed={"cuda_devices": [-1, -1]}), {}, "distributed", "use `allennlp train`"),
        ("missing.jsonnet", {}, "", "no config file at missing.jsonnet"),
    ],
)
def test_wrong_configs_are_refused_before_anything_is_written(
    given: Any, options: dict[str, Any], path: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        train(given, tmp_path / "run", verbose=False, **options)
    assert caught.value.path == path and message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_wrong_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for options in ({"recover": True}, {"recover": True, "force": True}):
        with pytest.raises(UserError, match="recover needs a serialization_dir"):
            train(config(), **options)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="in one process"):
        train(config(), tmp_path)
    assert DATA.is_dir() and list(tmp_path.iterdir()) == []
