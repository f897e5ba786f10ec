"""`allennlp train`: the folder of a run, and its flags."""

import json
import re
import traceback
from pathlib import Path
from typing import Any

import pytest

import ner_adv_plugin
from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.models import CrfTagger
from tests.commands.conftest import Run
from tests.commands.small_run import FILES, small
from tests.tiny import write_config


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


def test_file_friendly_logging_writes_lines(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ner_adv_plugin.common.progress.FRIENDLY_INTERVAL", 0.0)
    result = run("train", config, "-s", "run", "--file-friendly-logging")
    assert result.status == 0 and "step 1 of " in result.err and "\r" not in result.err
