"""The last lines of a run name what it kept, and commands that work."""

import json
import shlex
from pathlib import Path

import pytest

from ner_adv_plugin.commands import main
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.summary import summary
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.epoch_metrics import _computed
from tests.tiny import DATA, tiny_config, write_config

HEADS = ("weibo", "msra", "msr")


def test_the_lines_of_a_run_and_its_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["train", write_config(tmp_path / "c.json", tiny_config()), "-s", "my run"])
    out = capsys.readouterr().out.splitlines()
    metrics = json.loads(Path("my run/metrics.json").read_text())
    kept, archive, score, predict = out[-5:-1]
    f1 = metrics["best_validation_weibo_f1"]
    assert kept == f"epoch kept: {metrics['best_epoch'] + 1} of 3, best +weibo_f1 {f1:.4f}"
    assert archive == "archive: my run/model.tar.gz" and Path("my run/model.tar.gz").is_file()

    command, program, *arguments = shlex.split(score)
    assert (command, program) == ("score:", "allennlp")
    assert arguments[-1] == str(DATA / "weibo" / "weiboNER_2nd_conll.test")
    main(arguments)
    assert json.loads(capsys.readouterr().out)["weibo_f1"] == pytest.approx(
        metrics["test_weibo_f1"]
    )

    Path("INPUT.jsonl").write_text('{"sentence": "我在北京"}\n', encoding="utf-8")
    main(shlex.split(predict)[2:])
    assert json.loads(capsys.readouterr().out)["sentence"] == "我在北京"


def test_without_validation_no_epoch_is_called_best(tmp_path: Path) -> None:
    config = tiny_config(trainer__num_epochs=1, evaluate_on_test=False)
    for key in ("validation_data_path", "test_data_path"):
        del config[key]
    config["trainer"].pop("validation_metric")
    metrics = train_model(config, tmp_path)
    lines = summary(checked_job(config), metrics, tmp_path, HEADS)
    assert lines[0] == "epoch kept: 1 of 1, the last one, as nothing was validated"
    assert [line.partition(":")[0] for line in lines] == ["epoch kept", "archive", "predict"]


def test_a_second_dataset_of_a_head_is_named(tmp_path: Path) -> None:
    config = tiny_config()
    config["dataset_reader"]["readers"]["msra"]["head"] = "weibo"
    config["trainer"]["validation_metric"] = "-loss"
    config["validation_data_path"] = {"msra": "dev file"}
    del config["test_data_path"]
    (tmp_path / "model.tar.gz").touch()
    lines = summary(checked_job(config), {"training_epochs": 2}, tmp_path, ("weibo", "msr"))
    assert shlex.split(lines[2])[-1] == '{"msra": "dev file"}'


def test_a_loss_that_was_not_computed_is_left_out() -> None:
    assert _computed({"loss": 0.0, "step_seconds": 1.0}) == {"step_seconds": 1.0}
    assert _computed({"loss": 0.0, "weibo_loss": 2.0}) == {"loss": 0.0, "weibo_loss": 2.0}
    assert _computed({"loss": 3.0}) == {"loss": 3.0}
