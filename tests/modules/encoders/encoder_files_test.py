"""A folder that is no encoder is said to be so: what is missing and what else could be meant."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.encoders.encoder_files import EXPECTED, check_encoder, check_loaded
from ner_adv_plugin.runs.config_checks import checked_job
from tests.modules.encoders.transformers import encoder_of
from tests.tiny import ROOT, single_task_config

FIXTURE = ROOT / "fixtures" / "encoder"
TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
Change = Callable[[Path], None]


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURE, tmp_path / "encoder")
    return tmp_path / "encoder"


def without(*names: str) -> Change:
    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


def with_text(name: str, text: str) -> Change:
    return lambda folder: (folder / name).write_text(text, encoding="utf-8") and None


def with_config(**settings: Any) -> Change:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, **settings}), encoding="utf-8")

    return change


def cut(name: str, size: int) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size]) and None


def everything_gone(folder: Path) -> None:
    without(*(file.name for file in folder.iterdir()))(folder)


def one_level_deeper(folder: Path) -> None:
    (folder / "inner").mkdir()
    for file in [entry for entry in folder.iterdir() if entry.is_file()]:
        file.rename(folder / "inner" / file.name)


def only_tensorflow(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "tf_model.h5")


CASES: dict[str, tuple[Change, str]] = {
    "empty": (
        everything_gone,
        "the folder lacks config.json and tokenizer (such as tokenizer.json or vocab.txt) and"
        " weights (model.safetensors or pytorch_model.bin); it is empty.",
    ),
    "one level deeper": (one_level_deeper, 'it has inner. Did you mean "{folder}/inner"?'),
    "no config": (without("config.json"), "the folder lacks config.json; it has model.safetensors"),
    "no weights": (
        without("model.safetensors"),
        "the folder lacks weights (model.safetensors or pytorch_model.bin); it has config.json,",
    ),
    "no weights but those of TensorFlow": (
        only_tensorflow,
        "tf_model.h5 cannot be read: convert it to model.safetensors.",
    ),
    "no tokenizer": (without(*TOKENIZER), "the tokenizer has no vocabulary, so every character"),
    "no vocabulary": (
        without("tokenizer.json", "vocab.txt"),
        "expected tokenizer.json, vocab.txt or another vocabulary file; found"
        " tokenizer_config.json",
    ),
    "config of no JSON": (
        with_text("config.json", "{oops"),
        "{folder}/config.json is not valid JSON: Expecting property name enclosed in double"
        " quotes: line 1 column 2",
    ),
    "config of binary": (
        lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe") and None,
        "{folder}/config.json is not valid JSON: 'utf-8' codec",
    ),
    "config is a list": (
        with_text("config.json", "[]"),
        '{folder}/config.json has no "model_type"',
    ),
    "config of a run": (
        with_text("config.json", '{"dataset_reader": {}, "model": {}, "trainer": {}}'),
        "It is the config of a run",
    ),
    "unknown type": (
        with_config(model_type="berd"),
        'has model_type "berd", which this version of transformers does not have. Did you mean'
        ' "bert"?',
    ),
    "config with a wrong value": (
        with_config(hidden_size="96 or so"),
        "its configuration (config.json) cannot be read: Validation error for field",
    ),
    "corrupt tokenizer": (
        with_text("tokenizer.json", "{oops"),
        "its tokenizer (tokenizer.json, vocab.txt) cannot be read: Expecting property name",
    ),
    "weights cut short": (
        cut("model.safetensors", 1000),
        "its weights (model.safetensors) cannot be read: ",
    ),
    "empty weights": (cut("model.safetensors", 0), "its weights (model.safetensors) cannot be"),
    "pointer instead of weights": (
        with_text("model.safetensors", "version https://git-lfs.github.com/spec/v1\nsize 12\n"),
        "model.safetensors is a pointer of Git LFS, not the file itself: run `git lfs pull`",
    ),
    "weights of another architecture": (
        with_text("config.json", '{"model_type": "gpt2", "n_layer": 1}'),
        "its weights are not those of a gpt2 model as in its config.json: they lack",
    ),
    "weights of fewer layers": (
        with_config(num_hidden_layers=3),
        "they lack 16 parameters, such as encoder.layer.2.attention.output.LayerNorm.bias",
    ),
    "weights of another size": (
        with_config(vocab_size=100),
        "its weights do not fit its config.json (bert): embeddings.word_embeddings.weight has"
        " shape (1220, 96), expected (100, 96); 1 parameter differ",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_folder_that_is_no_encoder(encoder: Path, case: str) -> None:
    change, message = CASES[case]
    change(encoder)
    expected = f'model_name: cannot load encoder "{encoder}": .*' + re.escape(
        message.replace("{folder}", str(encoder))
    )
    with pytest.raises(ConfigurationError, match=expected):
        encoder_of(encoder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (everything_gone, "the folder lacks config.json and tokenizer"),
        (without("model.safetensors"), "the folder lacks weights"),
        (with_text("config.json", "{oops"), "is not valid JSON"),
    ],
)
def test_files_are_checked_before_data_is_read(encoder: Path, change: Change, message: str) -> None:
    change(encoder)
    job = checked_job(
        single_task_config(
            model__encoder={"type": "pretrained_transformer", "model_name": str(encoder)}
        )
    )
    with pytest.raises(
        ConfigurationError, match=f"^model.encoder.model_name: cannot load encoder .*{message}"
    ):
        job.check_encoder()


def test_a_file_is_no_folder(encoder: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        encoder_of(encoder / "model.safetensors")
    message = str(raised.value)
    assert EXPECTED in message and f'Did you mean its folder "{encoder}"?' in message


def test_a_missing_folder_names_the_nearest(encoder: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        encoder_of(encoder.parent / "encodr")
    assert "there is no such folder" in str(raised.value)
    assert f'Did you mean "{encoder}"?' in str(raised.value)
    with pytest.raises(ConfigurationError, match=f'There is no folder "{encoder.parent}/none"'):
        encoder_of(encoder.parent / "none" / "encoder")


def test_a_name_of_the_hub_offline(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(encoder.parent)
    with pytest.raises(ConfigurationError) as raised:
        encoder_of(Path("encoder-base"))
    message = str(raised.value)
    assert f'there is no folder "encoder-base" in {encoder.parent}' in message
    assert "HF_HUB_OFFLINE is set" in message and str(constants.HF_HUB_CACHE) in message
    assert 'Did you mean "encoder"?' in message


def test_home_is_not_expanded(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(encoder.parent))
    with pytest.raises(ConfigurationError, match=f'"~" is not expanded here: write "{encoder}"'):
        check_encoder("~/encoder", "~/encoder")


def test_weights_without_a_pooler_are_whole(encoder: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(str(encoder))
    model.pooler = None
    torch.save(model.state_dict(), encoder / "pytorch_model.bin")
    (encoder / "model.safetensors").unlink()
    one, other = encoder_of(encoder).state_dict(), encoder_of(FIXTURE).state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    info = {"missing_keys": {"pooler.dense.weight", "embeddings.position_ids"}}
    check_loaded({**info, "mismatched_keys": set(), "unexpected_keys": {"cls.bias"}}, None, "x")
