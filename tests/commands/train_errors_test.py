"""`allennlp train`: what is refused before a run starts."""

from pathlib import Path

import pytest

from ner_adv_plugin.data.reading import DatasetReader
from tests.commands.conftest import Run
from tests.commands.small_run import small
from tests.tiny import write_config


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
