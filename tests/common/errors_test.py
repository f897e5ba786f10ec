from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import (
    ConfigurationError,
    DataError,
    UserError,
    nearest,
    nearest_file,
)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("lsmt", ["gru", "lstm"], ' Did you mean "lstm"?'),
        ("LSTM", ["gru", "lstm"], ' Did you mean "lstm"?'),
        ("bio", ["BIO", "BMES"], ' Did you mean "BIO"?'),
        ("transformer", ["gru", "lstm"], ""),
        ("lstm", [], ""),
        ("", ["lstm"], ""),
    ],
)
def test_nearest(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, known) == hint


def test_configuration_error() -> None:
    error = ConfigurationError("unknown key", "model.heads.msra")
    assert isinstance(error, UserError)
    assert (error.message, error.path) == ("unknown key", "model.heads.msra")
    assert str(error) == "model.heads.msra: unknown key"
    assert str(ConfigurationError("no such file")) == "no such file"


def test_data_error_names_file_and_line() -> None:
    error = DataError(Path("corpus/train"), 7, "甲\tX", "a BIO tag")
    assert isinstance(error, UserError)
    assert (error.file_path, error.line) == ("corpus/train", 7)
    assert str(error) == "corpus/train:7: found '甲\\tX', expected a BIO tag"
    assert (
        str(DataError("corpus/train", None, "no sentences", "one"))
        == "corpus/train: found 'no sentences', expected one"
    )


def test_data_error_shortens_what_was_found() -> None:
    error = DataError("train", 1, "甲" * 1000, "a sentence")
    assert str(error) == "train:1: found '" + "甲" * 116 + "..., expected a sentence"


def test_nearest_file(tmp_path: Path) -> None:
    (tmp_path / "msra.train").touch()
    assert nearest_file(tmp_path / "mrsa.train") == ' Did you mean "msra.train"?'
    assert nearest_file(tmp_path / "zzz") == ""
    assert nearest_file(tmp_path / "a" / "b" / "c") == f' There is no folder "{tmp_path}/a".'
    assert nearest_file(Path("no such folder/file")) == ' There is no folder "no such folder".'
