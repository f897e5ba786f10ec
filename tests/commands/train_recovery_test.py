"""`allennlp train`: runs that stop early, and what `--recover` makes of them."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.training.trainer import Trainer
from tests.commands.conftest import Run


def test_recover_resumes(run: Run, config: str) -> None:
    assert run("train", config, "-s", "run", "--recover").status == 0
    before = json.loads(Path("run/metrics.json").read_text())
    Path("run/metrics.json").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(Trainer, "train_step")
        assert run("train", config, "-s", "run", "--recover").status == 0
    assert json.loads(Path("run/metrics.json").read_text()) == before


def test_recover_with_another_config_is_refused(run: Run, config: str) -> None:
    assert run("train", config, "-s", "run").status == 0
    result = run("train", config, "-s", "run", "--recover", "-o", '{"trainer.optimizer.lr": 0.5}')
    assert result.status == 2
    assert (
        "trainer.optimizer.lr: --recover: the run started with 0.02, but the config now has 0.5"
        in result.err
    )


def test_recover_of_a_run_of_another_version_is_refused(run: Run, config: str) -> None:
    assert run("train", config, "-s", "run").status == 0
    meta = {
        **json.loads(Path("run/meta.json").read_text()),
        "archive_format": 1,
        "ner_adv_plugin": "0.1.0",
    }
    Path("run/meta.json").write_text(json.dumps(meta))
    result = run("train", config, "-s", "run", "--recover")
    assert result.status == 2 and "Traceback" not in result.err
    start = (
        "error: run has archive format 1, this version reads 2, 3 and 4 "
        "(written by ner_adv_plugin 0.1.0, "
    )
    assert result.err.splitlines()[-1].startswith(start)
    assert json.loads(Path("run/meta.json").read_text()) == meta


def test_interrupted(run: Run, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    end_epoch = Trainer._end_epoch

    def interrupted(trainer: Trainer, steps: Any) -> None:
        end_epoch(trainer, steps)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_end_epoch", interrupted)
    result = run("train", config, "-s", "run", "-o", '{"trainer.num_epochs": 3}')
    assert result.status == 130
    assert "interrupted: archiving the best weights so far" in result.err
    assert load_archive("run/model.tar.gz").heads == ["weibo"]
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics["interrupted"] is True and metrics["epoch"] == metrics["best_epoch"] == 0
    *_, line, command = result.err.splitlines()
    assert line == (
        "interrupted after 1 of 3 epochs: run/model.tar.gz holds the best weights so far,"
        " of epoch 1. Resume with:"
    )
    # The command alone resumes: overrides and seeds are in the config of the folder.
    monkeypatch.setattr(Trainer, "_end_epoch", end_epoch)
    program, *arguments = shlex.split(command)
    assert program == "allennlp" and run(*arguments).status == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics["epoch"] == 2 and "interrupted" not in metrics


def interrupt(*arguments: Any, **settings: Any) -> None:
    raise KeyboardInterrupt


def test_interrupted_within_the_first_epoch(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_end_epoch", interrupt)
        result = run("train", "--include-package", "ner_adv_plugin", config, "-s", "my run")
    assert result.status == 130
    assert result.err.splitlines()[-2:] == [
        "interrupted after 0 of 1 epochs: there is no archive, as no epoch was finished."
        " Resume with:",
        "allennlp train 'my run/config.json' -s 'my run' --recover --include-package"
        " ner_adv_plugin",
    ]
    assert json.loads(Path("my run/metrics.json").read_text()) == {
        "training_epochs": 0,
        "interrupted": True,
    }
    assert run(*shlex.split(result.err.splitlines()[-1])[1:]).status == 0


def fail(*arguments: Any, **settings: Any) -> None:
    raise UserError("no luck")


@pytest.mark.parametrize(
    ("stage", "failure", "status", "last"),
    [
        ("ner_adv_plugin.runs.train_job.read_data", fail, 2, "error: no luck"),
        ("ner_adv_plugin.runs.train_job.build_trainer", fail, 2, "error: no luck"),
        ("ner_adv_plugin.training.trainer.Trainer.train_step", fail, 2, "error: no luck"),
        (
            "ner_adv_plugin.training.trainer.Trainer.train_step",
            interrupt,
            130,
            "interrupted before the first step: a/b/run is as it was",
        ),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--recover"], ["--force"]])
def test_a_run_that_fails_before_its_first_step_leaves_nothing(
    run: Run,
    config: str,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    failure: Any,
    status: int,
    last: str,
    flags: list[str],
) -> None:
    Path("a").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(stage, failure)
        result = run("train", config, "-s", "a/b/run", *flags)
        assert (result.status, result.err.splitlines()[-1]) == (status, last)
        assert list(Path("a").iterdir()) == []
        Path("a/b/run").mkdir(parents=True)
        assert run("train", config, "-s", "a/b/run", *flags).status == status
        assert list(Path("a/b/run").iterdir()) == []
    assert run("train", config, "-s", "a/b/run").status == 0


def test_a_failed_recovery_keeps_what_was_there(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("run").mkdir()
    Path("run/mine.txt").touch()
    with monkeypatch.context() as patch:
        patch.setattr("ner_adv_plugin.runs.train_job.build_trainer", fail)
        assert run("train", config, "-s", "run", "--recover").status == 2
    assert [path.name for path in Path("run").iterdir()] == ["mine.txt"]
    assert run("train", config, "-s", "run", "--recover").status == 0
    before = {path: path.read_bytes() for path in Path("run").rglob("*.json")}
    with monkeypatch.context() as patch:
        patch.setattr("ner_adv_plugin.runs.train_job.build_trainer", fail)
        assert run("train", config, "-s", "run", "--recover").status == 2
    assert {path: path.read_bytes() for path in Path("run").rglob("*.json")} == before
    assert Path("run/model.tar.gz").is_file()


def test_a_run_that_fails_after_a_step_can_be_resumed(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_end_epoch", fail)
        assert run("train", config, "-s", "run").status == 2
    assert Path("run/config.json").is_file()
    assert run("train", config, "-s", "run", "--recover").status == 0
