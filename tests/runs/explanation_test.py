"""`allennlp explain` says what the files of a run hold, and gives the advice that fits."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.schema import registered
from ner_adv_plugin.data.lexicon import UNKNOWN_ROW, Lexicon
from ner_adv_plugin.inference.calibration import TEMPERATURES
from ner_adv_plugin.modules.objectives import Adversary, Objective
from ner_adv_plugin.runs.documents import plain
from ner_adv_plugin.runs.explanation import advice, explanation, objectives, read_run
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.studies import worker
from ner_adv_plugin.training.callbacks import reversal
from tests.tiny import ROOT, single_task_config, tiny_config

LEXICON = "vocabulary/lexicon/words.jsonl"


def explained(folder: Path) -> str:
    """Return what the command prints of a folder."""
    return plain(explanation(read_run(folder)))


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def folder_of(
    folder: Path,
    epochs: int = 4,
    each: Mapping[str, Any] | None = None,
    final: Mapping[str, Any] | None = None,
    **config: Any,
) -> Path:
    """Write the folder of a finished run of Weibo.

    # Parameters

    folder : the folder.
    epochs : number of epochs.
    each : metrics of the epochs: a value, or a list with one for each epoch.
    final : further metrics of `metrics.json`; None if the run has not ended.
    config : changes of the config, see `single_task_config`.
    """
    write(folder / "config.json", single_task_config(trainer__num_epochs=epochs, **config))
    write(folder / "vocabulary/datasets.json", {"weibo": {"head": "weibo", "sentences": 40}})
    metrics: dict[str, Any] = {}
    for epoch in range(epochs):
        values = {
            "total_weibo_updates": 1000,
            "total_weibo_sentences": 40 * (epoch + 1),
            "best_epoch": 0,
            "best_validation_weibo_f1": 0.5,
            "validation_weibo_f1": 0.5,
            **(each or {}),
        }
        own = {key: v[epoch] if isinstance(v, list) else v for key, v in values.items()}
        metrics = {"epoch": epoch, "training_epochs": epoch + 1, "training_duration": 61, **own}
        write(folder / f"metrics_epoch_{epoch}.json", metrics)
    if final is not None:
        write(folder / "metrics.json", {**metrics, **final})
    return folder


def test_a_finished_run_of_three_corpora(tiny_run: Path) -> None:
    text = explained(tiny_run)
    metrics = json.loads((tiny_run / "metrics.json").read_text())
    config = json.loads((tiny_run / "config.json").read_text())
    for name in ("weibo", "msra", "msr"):
        sentences = json.loads((tiny_run / "vocabulary/datasets.json").read_text())[name]
        assert f"{name}: {sentences['sentences']} training sentences of task {name}" in text
        assert config["train_data_path"][name] in text
        drawn = metrics[f"total_{name}_sentences"]
        assert f"{name}: {metrics[f'total_{name}_updates']} updates with {drawn} sentences" in text
    assert "task msr (words), domain news" in text
    best = metrics["best_validation_weibo_f1"]
    kept = f"Epoch {metrics['best_epoch'] + 1} was kept, with the best weibo_f1, {best:.4f}."
    assert "All 14 epochs are done." in text and kept in text
    assert f"Test, weibo: F1 {100 * metrics['test_weibo_f1']:.1f} (precision" in text
    repaired = metrics["reading_weibo_train_illegal_tags_repaired"]
    assert f"weibo, train: {repaired} illegal tags repaired." in text


def test_the_weakest_types_are_those_of_the_metrics(tmp_path: Path) -> None:
    types = {"PER": 0.72, "LOC": 0.0, "ORG": 0.25, "GPE": 0.41}
    final = {"test_weibo_f1": 0.5, "test_weibo_lenient_f1": 0.7}
    final |= {f"test_weibo_f1_{name}": value for name, value in types.items()}
    text = explained(folder_of(tmp_path, final=final))
    assert "Weakest types of weibo: LOC 0.0 and ORG 25.0." in text
    assert "wrong boundaries" in text


def test_a_run_of_each_state(tmp_path: Path) -> None:
    killed = folder_of(tmp_path / "killed", epochs=3, trainer__patience=5)
    config = json.loads((killed / "config.json").read_text())
    config["trainer"]["num_epochs"] = 9
    write(killed / "config.json", config)
    resumes = f"allennlp train {killed}/config.json -s {killed} --recover"
    text = explained(killed)
    assert "It has not ended: 3 of 9 epochs are done. It is still running, or" in text
    assert resumes in text

    metrics = json.loads((killed / "metrics_epoch_2.json").read_text())
    write(killed / "metrics.json", {**metrics, "interrupted": True})
    assert f"Interrupted after 3 of 9 epochs: `{resumes}` resumes it." in explained(killed)

    # Resumed since, and killed.
    write(killed / "metrics_epoch_3.json", {**metrics, "epoch": 3, "training_epochs": 4})
    assert "It has not ended: 4 of 9 epochs are done." in explained(killed)

    late = {**metrics, "epoch": 5, "training_epochs": 6}
    write(killed / "metrics.json", late)
    assert "Stopped early after 6 of 9 epochs: no better score in 5 epochs" in explained(killed)

    begun = tmp_path / "begun"
    write(begun / "config.json", tiny_config())
    text = explained(begun)
    assert "It has not ended: 0 of 3 epochs are done." in text and "Next" not in text


def test_the_steps_that_were_allowed_ended_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, epochs=2, final={}, trainer__max_steps=10)
    config = json.loads((folder / "config.json").read_text())
    config["trainer"]["num_epochs"] = 20
    write(folder / "config.json", config)
    assert "Stopped after 2 of 20 epochs: trainer.max_steps, 10, was reached." in explained(folder)


def test_what_was_left_out_is_counted(tmp_path: Path) -> None:
    final = {
        "leaked_sentences_weibo": 1200,
        "contradicting_sentences_weibo": 2,
        "reading_weibo_validation_damaged_lines": 3,
    }
    text = explained(folder_of(tmp_path / "one", final=final))
    assert "weibo: 1,200 training sentences left out, as they equal or contain" in text
    assert "weibo: 2 training sentences with the same text as others and other labels" in text
    assert "weibo, validation: 3 damaged lines." in text
    clean = explained(folder_of(tmp_path / "two", final={"leaked_sentences_weibo": 0}))
    assert "Nothing was left out or repaired." in clean


# Metrics of epochs, final metrics, changes of the config, and a part of the advice that they get.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    "diverged": ({"training_loss": math.nan}, {}, {}, "The training loss is not a number"),
    "unused": ({"total_weibo_updates": 0}, {}, {}, "weibo was never drawn"),
    "dead head": ({"validation_weibo_f1": 0.0}, {}, {}, "has found nothing that is right"),
    "flat": ({"training_weibo_loss": [2.0, 2.1, 2.0, 1.9]}, {}, {}, "hardly falls (2.000 to 1.9"),
    "few updates": (
        {"best_epoch": [0, 1, 2, 3], "total_weibo_updates": 120},
        {},
        {},
        "Too few updates: the last epoch is the best, and weibo was in 120 updates",
    ),
    "short": ({"best_epoch": [0, 1, 2, 3]}, {}, {}, "The last epoch is the best: more may help"),
    "overfits": (
        {
            "training_weibo_loss": [2.0, 1.0, 0.5, 0.2],
            "validation_weibo_loss": [1.0, 0.8, 0.9, 1.0],
        },
        {},
        {},
        "since epoch 2 its validation loss has risen from 0.800 to 1.000",
    ),
    "boundaries": ({"best_validation_weibo_lenient_f1": 0.7}, {}, {}, "Boundaries of weibo"),
    "gap": ({}, {"test_weibo_f1": 0.3}, {}, "The test score of weibo is 20.0 points below"),
    "contradictions": ({}, {"contradicting_sentences_weibo": 2}, {}, "contradicting labels"),
    "temperature": ({}, {"weibo_temperature": TEMPERATURES[-1]}, {}, "at the limit of its grid"),
    "padding": ({"training_positions_per_character": 2.04}, {}, {}, "computes 2.0 positions"),
    "encoder": (
        {},
        {},
        {"model__encoder": {"type": "pretrained_transformer", "model_name": "fixtures/encoder"}},
        "The encoder is the tiny one",
    ),
    "reversal not measured": (
        {},
        {},
        {"model__objectives": ["domain_adversarial"]},
        "Add the callback 'reversal_health'",
    ),
    "inert": (
        {"training_objective_1_reversal_ratio": 2e-4},
        {},
        {"model__objectives": ["orthogonality", {"type": "domain_adversarial"}]},
        "model.objectives.1: the adversary has no effect, its gradient is 2e-04",
    ),
    "collapsed": (
        {
            "training_reversal_ratio": 0.1,
            "training_discriminator_accuracy": 0.5,
            "training_discriminator_chance": 0.5,
        },
        {},
        {"model__objectives": ["domain_adversarial"]},
        "the discriminator is no better than chance (50.0 %)",
    ),
    "weak": (
        {"training_reversal_ratio": 0.1},
        {"probe_shared_accuracy": 0.99},
        {"model__objectives": ["domain_adversarial"]},
        'the tower "shared" in 99.0 % of sentences',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_rule_has_a_run_that_it_fits(case: str, tmp_path: Path) -> None:
    each, final, config, expected = CASES[case]
    folder = folder_of(tmp_path, each=each, final=final, **config)
    found = list(advice.advice(read_run(folder)))
    assert [line for line in found if expected in line] == found


def test_a_run_that_no_rule_fits_has_other_advice(tmp_path: Path) -> None:
    found = list(advice.advice(read_run(folder_of(tmp_path, final={}))))
    assert len(found) == 1 and found[0].startswith("Nothing stands out.")


def test_a_lexicon_whose_words_the_texts_do_not_have(tmp_path: Path) -> None:
    words = {f"词{i}": 1 for i in range(50)}
    for name, known, is_told in (("unused", [], True), ("used", ["词1"], False)):
        folder = folder_of(tmp_path / name, final={})
        Lexicon(words, known, [], 8).save(folder / "vocabulary" / "lexicon")
        lines = [json.loads(line) for line in (folder / LEXICON).read_text("utf-8").splitlines()]
        assert sum(row > UNKNOWN_ROW for _, _, row in lines) == len(known)
        told = [line for line in advice.advice(read_run(folder)) if "lexicon" in line.lower()]
        assert bool(told) == is_told


def test_limits_are_those_of_what_they_judge() -> None:
    assert objectives.INERT == reversal.INERT
    adversaries = [
        name
        for name, own in registered(Objective).items()
        if issubclass(own, Adversary) and own.__module__.startswith("ner_adv_plugin.")
    ]
    assert sorted(adversaries) == list(objectives.ADVERSARIES)
    limits = (advice.COLDEST, advice.HOTTEST)
    assert limits == pytest.approx((TEMPERATURES[0], TEMPERATURES[-1]))


def test_rules_read_metrics_that_runs_have(tmp_path: Path) -> None:
    """A metric that is renamed would silence its rule."""
    config = tiny_config(
        trainer__callbacks=["reversal_health"],
        trainer__num_epochs=1,
        model__objectives=["domain_adversarial"],
    )
    metrics = train_model(config, tmp_path / "run")
    expected = [
        *("training_loss", "training_positions_per_character", "total_weibo_updates"),
        *("training_weibo_loss", "validation_weibo_loss", "test_weibo_f1", "best_epoch"),
        *("training_reversal_ratio", "training_discriminator_accuracy", "probe_shared_accuracy"),
        *("training_discriminator_chance", "best_validation_weibo_lenient_f1"),
        *("total_weibo_sentences", "leaked_sentences_weibo", "validation_weibo_f1"),
    ]
    assert [name for name in expected if name not in metrics] == []
    assert "Too few updates" in explained(tmp_path / "run")


def test_a_run_with_stages(tmp_path: Path) -> None:
    config = tiny_config(
        model__objectives=[],
        stages=[
            {"name": "all", "trainer.num_epochs": 1},
            {"name": "weibo", "datasets": ["weibo"], "trainer.num_epochs": 2},
        ],
    )
    train_model(config, tmp_path)
    text = explained(tmp_path)
    assert 'Stage "all": Its only epoch is done. Epoch 1 was kept' in text
    assert "Last stage: All 2 epochs are done." in text


def test_runs_of_a_study(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "single-1-ab"
    config = single_task_config(trainer__num_epochs=2, evaluate_on_test=False)
    planned = {"arm": "single", "size": 40, "seed": 1, "budget": "epochs", "target": "weibo"}
    write(folder / "run.json", {**planned, "keep_models": False, "config": config})
    text = explained(folder)
    assert 'arm "single", seed 1, 40 training sentences of weibo' in text
    assert "It has not ended: 0 of 2 epochs are done." in text and "`allennlp compare`" in text

    worker.train(folder)
    text = explained(folder)
    result = json.loads((folder / "result.json").read_text())
    f1 = result["metrics"]["best_validation_weibo_f1"]
    assert "All 2 epochs are done." in text and f"Validation, weibo: F1 {100 * f1:.1f}" in text
    assert "resumes it" not in text

    (folder / "result.json").unlink()
    write(folder / "failed.json", {"log": ["Traceback", "MemoryError"]})
    text = explained(folder)
    assert "It failed; the end of its log is below." in text and "    MemoryError" in text

    with pytest.raises(UserError, match=f"is not the folder of a run: .* those in it: {folder}"):
        read_run(tmp_path)


def test_warnings_are_told_once_and_counted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, final={})
    line = "2026-01-02 03:04:05,678 {} ner_adv_plugin.data {}\n"
    log = line.format("WARNING", "a corpus\n  is odd") + line.format("INFO", "fine")
    log += line.format("ERROR", "broken \x1b[31mred") + line.format("WARNING", "a corpus is odd")
    (folder / "out.log").write_text(log, encoding="utf-8")
    text = explained(folder)
    assert "  - a corpus is odd (2 times)\n  - broken \\x1b[31mred\n" in text and "fine" not in text


def test_other_folders_and_damaged_files_are_refused(tmp_path: Path) -> None:
    empty, file = tmp_path / "empty", tmp_path / "model.tar.gz"
    empty.mkdir()
    file.touch()
    for path, why in (
        (empty, "it has no config.json of one. Name that"),
        (file, "it is a file"),
        (tmp_path / "none", "there is no such folder"),
    ):
        with pytest.raises(UserError, match=f"{path} is not the folder of a run: {why}"):
            read_run(path)

    # An encoder has a `config.json`, too.
    write(tmp_path / "outer/encoder/config.json", {"hidden_size": 8})
    for path in (tmp_path / "outer", tmp_path / "outer/encoder"):
        with pytest.raises(UserError, match="it has no config.json of one. Name that of"):
            read_run(path)

    folder = folder_of(tmp_path / "run", final={})
    (folder / "metrics.json").write_text('{"epoch": ', encoding="utf-8")
    with pytest.raises(UserError, match=r"metrics\.json is not valid JSON"):
        read_run(folder)
    (folder / "metrics.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match=r"metrics\.json is not a JSON object"):
        read_run(folder)


def test_the_command_needs_neither_torch_nor_the_corpora(tiny_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    ignored = shutil.ignore_patterns("*.th", "*.tar.gz", "log")
    shutil.copytree(tiny_run, folder, ignore=ignored)
    code = (
        "import sys; from ner_adv_plugin.commands import main; main(sys.argv[1:]);"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    command = [sys.executable, "-c", code, "explain", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == explained(folder) + "False False\n"
