"""`allennlp train`."""

import json
import re
import shlex
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch

import ner_adv_plugin
from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.models import CrfTagger
from ner_adv_plugin.training.trainer import Trainer
from tests.commands.conftest import Run
from tests.tiny import assert_same_weights, single_task_config, weights, write_config

FILES = {
    "config.json",
    "data.json",
    "meta.json",
    "out.log",
    "vocabulary",
    "metrics_epoch_0.json",
    "metrics.json",
    "checkpoints",
    "best.th",
    "model.tar.gz",
    "log",
}


def small(**overrides: Any) -> dict[str, Any]:
    return single_task_config(
        trainer__num_epochs=1,
        trainer__callbacks=["tensorboard"],
        dataset_reader__max_instances=8,
        **overrides,
    )


@pytest.fixture
def config(tmp_path: Path) -> str:
    return write_config(tmp_path / "small.json", small())


def test_every_file_of_the_folder(run: Run, config: str) -> None:
    result = run("train", config, "-s", "run")
    assert result.status == 0
    folder = Path("run")
    assert {path.name for path in folder.iterdir()} == FILES
    assert {path.name for path in (folder / "log").iterdir()} == {"train", "validation"}
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {
        "model_state_e1_b0.th",
        "training_state_e1_b0.th",
    }
    assert json.loads((folder / "config.json").read_text(encoding="utf-8")) == small()
    assert {"python", "torch", "ner_adv_plugin"} <= set(
        json.loads((folder / "meta.json").read_text())
    )
    log = (folder / "out.log").read_text(encoding="utf-8")
    assert "weibo: 8 training sentences" in log and "epoch 1 of 1: " in log
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    lines = result.out.splitlines()
    assert lines[0] == lines[-1] == "serialization directory: run"
    assert f"test_weibo_f1: {metrics['test_weibo_f1']:.4f}" in lines
    assert f"best_validation_weibo_f1: {metrics['best_validation_weibo_f1']:.4f}" in lines


def test_five_frames_lead_to_the_forward_pass(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(ner_adv_plugin.__file__).parent
    forward = CrfTagger.forward
    seen: set[tuple[str, ...]] = set()

    def counted(model: CrfTagger, *arguments: Any) -> Any:
        if model.training:
            own = [Path(frame.filename) for frame in traceback.extract_stack()]
            seen.add(
                tuple(
                    str(file.relative_to(package)) for file in own if file.is_relative_to(package)
                )
            )
        return forward(model, *arguments)

    monkeypatch.setattr(CrfTagger, "forward", counted)
    assert run("train", config, "-s", "run").status == 0
    (frames,) = seen
    assert len(frames) <= 5
    assert frames[:2] == ("commands/__init__.py", "commands/train.py")


def test_without_a_folder_a_new_one_is_created(run: Run, config: str) -> None:
    names = []
    for _ in range(2):
        result = run("train", config)
        first, *scores, last = result.out.splitlines()
        assert first == last and any(line.startswith("test_weibo_f1: ") for line in scores)
        names.append(first.removeprefix("serialization directory: "))
        assert re.fullmatch(r"runs/small-\d{8}-\d{6}(-\d+)?", names[-1])
        assert (Path(names[-1]) / "model.tar.gz").is_file()
    assert len(set(names)) == 2


def test_a_folder_that_is_not_empty_is_refused_unless_forced(run: Run, config: str) -> None:
    assert run("train", config, "-s", "run").status == 0
    Path("run/mark").touch()
    result = run("train", config, "-s", "run")
    assert (result.status, result.out) == (2, "")
    assert (
        result.err
        == "error: run is not empty: --force empties it, `train --recover` resumes its run\n"
    )
    assert Path("run/mark").exists()
    assert run("train", config, "-s", "run", "--force").status == 0
    assert {path.name for path in Path("run").iterdir()} == FILES


def test_force_empties_only_what_looks_like_a_run(run: Run, config: str) -> None:
    Path("precious").mkdir()
    Path("precious/thesis.tex").touch()
    result = run("train", config, "-s", "precious", "--force")
    assert result.status == 2 and "does not look like the folder of a run" in result.err
    assert Path("precious/thesis.tex").exists()


def test_an_empty_folder_is_used(run: Run, config: str) -> None:
    Path("run").mkdir()
    assert run("train", config, "-s", "run").status == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-s", "run", "--recover", "--force"], "--recover and --force exclude each other"),
        (["--recover"], "--recover needs --serialization-dir"),
        (["-s", "small.json"], "cannot create small.json"),
    ],
)
def test_invalid_flags(run: Run, config: str, flags: list[str], message: str) -> None:
    result = run("train", config, *flags)
    assert result.status == 2 and message in result.err


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


def test_dry_run_prints_the_whole_config_and_writes_nothing(
    run: Run, config: str, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    result = run("train", config, "--dry-run", "-s", "run", "-o", '{"trainer.patience": 3}')
    assert result.status == 0 and sorted(tmp_path.iterdir()) == before
    filled = json.loads(result.out)
    assert filled["trainer"]["patience"] == 3 and filled["trainer"]["grad_norm"] is None
    assert filled["trainer"]["optimizer"]["betas"] == [0.9, 0.999]
    assert filled["pytorch_seed"] == 133
    # The output is a valid config with the same meaning.
    again = run("train", write_config(tmp_path / "filled.json", filled), "--dry-run")
    assert json.loads(again.out) == filled


def test_overrides_reach_the_run(run: Run, config: str) -> None:
    overrides = '{"trainer.num_epochs": 2, model: {encoder: {embedding_dim: 10}}}'
    assert run("train", config, "-s", "run", "-o", overrides).status == 0
    assert json.loads(Path("run/metrics.json").read_text())["epoch"] == 1
    archive = load_archive("run")
    assert archive.config["model"]["encoder"] == {
        "type": "character_embedding",
        "embedding_dim": 10,
        "dropout": 0.1,
    }
    assert archive.model.state_dict()["encoder.embedding.weight"].shape[1] == 10


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ('{"trainer.num_epochs": "3"}', "trainer.num_epochs: expected a whole number, found '3'"),
        ('{"model.head.dropout": true}', "model.head.dropout: expected a number, found true"),
        (
            '{"model.type": "crf_taggr"}',
            'model.type: "crf_taggr" is not a registered Model. Did you mean "crf_tagger"?',
        ),
        ('{"trainer.optimizer.lrr": 1}', 'trainer.optimizer.lrr: unknown key. Did you mean "lr"?'),
        ('{"trainr": {}}', 'trainr: unknown key. Did you mean "trainer"?'),
        (
            '{"data_loader.leakage": "keep"}',
            "data_loader.leakage: found 'keep', expected one of 'drop', 'error', 'allow'",
        ),
        (
            '{"model.encoder": 3}',
            "model.encoder: expected an object describing an Encoder, found 3",
        ),
        (
            '{"validation_data_loader.batch_size": 0}',
            "validation_data_loader.batch_size: expected 1 or more, found 0",
        ),
        ("{", "--overrides"),
    ],
)
def test_a_wrong_config_is_one_message_before_data_is_read(
    run: Run, tmp_path: Path, overrides: str, message: str
) -> None:
    # The data is missing, but the config is checked before.
    config = write_config(tmp_path / "small.json", small(train_data_path="missing.train"))
    result = run("train", config, "-s", "run", "-o", overrides)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: ") and message in result.err
    assert "Traceback" not in result.err and "missing.train" not in result.err
    assert not Path("run").exists()


def test_a_missing_key_is_reported(run: Run, tmp_path: Path) -> None:
    config = small()
    del config["trainer"]
    result = run("train", write_config(tmp_path / "config.json", config), "-s", "run")
    assert (result.status, result.err) == (
        2,
        "error: trainer: missing key, required here: a Trainer, one of gradient_descent\n",
    )


def test_a_config_that_is_missing_or_not_jsonnet(run: Run) -> None:
    result = run("train", "missing.jsonnet")
    assert (result.status, result.err) == (2, "error: no config file at missing.jsonnet\n")
    Path("broken.jsonnet").write_text("{ a: }")
    result = run("train", "broken.jsonnet")
    assert result.status == 2 and "broken.jsonnet:1" in result.err and "Traceback" not in result.err


@pytest.mark.parametrize("key", ["train_data_path", "validation_data_path", "test_data_path"])
def test_a_missing_file_is_one_message_before_data_is_read(
    run: Run, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatasetReader, "read", lambda reader, path: pytest.fail("it read"))
    result = run(
        "train", write_config(tmp_path / "small.json", small(**{key: "missing.file"})), "-s", "run"
    )
    assert (result.status, result.out) == (2, "")
    assert result.err == f'error: {key}: no such file "missing.file".\n'
    assert not Path("run").exists()


def test_a_sentence_that_cannot_be_read_is_reported_with_file_and_line(
    run: Run, tmp_path: Path
) -> None:
    Path("bad.train").write_text("魏0\tB-PER.NAM\n勇1\tI-PER.NAM\n\n去0\tO-HO\n", encoding="utf-8")
    result = run(
        "train",
        write_config(tmp_path / "small.json", small(train_data_path="bad.train")),
        "-s",
        "run",
    )
    assert result.status == 2
    assert result.err.splitlines()[-1].startswith(
        "error: bad.train:4: found 'O-HO', expected a BIO tag"
    )


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


def test_file_friendly_logging_writes_lines(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ner_adv_plugin.common.progress.FRIENDLY_INTERVAL", 0.0)
    result = run("train", config, "-s", "run", "--file-friendly-logging")
    assert result.status == 0 and "step 1 of " in result.err and "\r" not in result.err


def seeds_of(folder: str) -> list[int | None]:
    saved = json.loads(Path(folder, "config.json").read_text())
    return [saved.get(key) for key in ("random_seed", "numpy_seed", "pytorch_seed")]


def test_seeds_of_any_config(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(tmp_path / "seeded.json", small(numpy_seed=4))
    monkeypatch.delenv("NER_SEED", raising=False)
    assert run("train", config, "-s", "plain").status == 0
    assert seeds_of("plain") == [None, 4, None]
    assert run("train", config, "-s", "flag", "--seed", "5").status == 0
    assert seeds_of("flag") == [5, 5, 5]
    monkeypatch.setenv("NER_SEED", "5")
    assert run("train", config, "-s", "variable").status == 0
    assert seeds_of("variable") == [5, 5, 5]
    monkeypatch.setenv("NER_SEED", "6")
    assert run("train", config, "-s", "both", "--seed", "5").status == 0
    assert seeds_of("both") == [5, 5, 5]
    overrides = '{random_seed: 7, pytorch_seed: std.parseInt(std.extVar("NER_SEED")) + 1}'
    assert run("train", config, "-s", "overrides", "-o", overrides).status == 0
    assert seeds_of("overrides") == [7, 6, 7]
    assert_same_weights(Path("flag/best.th"), Path("variable/best.th"))
    assert_same_weights(Path("flag/best.th"), Path("both/best.th"))
    plain, flag = weights(Path("plain/best.th")), weights(Path("flag/best.th"))
    assert any(not torch.equal(plain[name], flag[name]) for name in plain)
    result = run("train", config, "-s", "flag", "--recover")
    assert result.status == 2
    assert "error: random_seed: --recover: the run started with 5, but the config now has 6" in (
        result.err
    )


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "4294967296"])
def test_seeds_that_are_none(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("NER_SEED", text)
    result = run("train", config, "-s", "run")
    expected = f'expected a number from 0 to 4294967295, found "{text}"'
    assert (result.status, result.err) == (2, f"error: NER_SEED: {expected}\n")
    monkeypatch.setenv("NER_SEED", "")
    assert run("train", config, "-s", "run").status == 0
    if text in ("-1", "4294967296"):
        result = run("train", config, "-s", "other", f"--seed={text}")
        assert (result.status, result.err) == (2, f"error: --seed: {expected}\n")


def test_the_seed_of_a_recipe_follows_the_flag(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NER_SEED", raising=False)
    recipe = root / "training_configs" / "single.jsonnet"
    for flags, seed in (([], 13370), (["--seed", "3"], 3)):
        filled = json.loads(run("train", recipe, "--dry-run", *flags).out)
        assert [filled[key] for key in ("random_seed", "numpy_seed", "pytorch_seed")] == [seed] * 3
