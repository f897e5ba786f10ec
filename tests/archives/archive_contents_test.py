"""Archives with valid members but harmful or wrong contents: reported, and never executed."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

import ner_adv_plugin
from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.archives.extraction import opened
from tests.archives.crafting import Refused, everything, packed, with_pickled


class Payload:
    """Creates a file when it is unpickled unsafely."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.sentinel}",)


def test_a_pickle_payload_is_refused_and_does_not_run(
    refused: Refused, contents: dict[str, bytes], tmp_path: Path
) -> None:
    torch.save({"encoder.embedding.weight": Payload(tmp_path / "ran")}, tmp_path / "weights")
    crafted = packed(with_pickled(contents, (tmp_path / "weights").read_bytes()))
    torch.load(tmp_path / "weights", weights_only=False)
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    message = refused(crafted, load_archive)
    assert "weights.th is not a file of weights only: Trying to load unsupported GLOBAL" in message
    assert "weights_only" not in message and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "place", ["model", "model.tower", "dataset_reader", "dataset_reader.readers.weibo"]
)
def test_a_config_that_calls_a_program_is_refused_and_does_not_run(
    refused: Refused, contents: dict[str, bytes], tmp_path: Path, place: str
) -> None:
    payload = {"type": "subprocess.Popen", "args": ["touch", str(tmp_path / "ran")]}
    config = json.loads(contents["config.json"])
    *above, last = place.split(".")
    target = config
    for key in above:
        target = target[key]
    target[last] = payload
    subprocess.Popen(payload["args"]).wait()
    (tmp_path / "ran").unlink()
    message = refused(
        packed({**contents, "config.json": json.dumps(config).encode()}), load_archive
    )
    assert f'config.json: {place}.type: "subprocess.Popen" is not a' in message
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "model",
            {"type": "mixture_of_experts"},
            'model.type: "mixture_of_experts" is not a registered Model.',
        ),
        ("model", {"type": "adversarial", "depth": 3}, "model.depth: unknown key."),
        ("model", [], "model: expected an object describing a Model, found []"),
        ("model", {"type": "torch.nn.Identity"}, 'model.type: "torch.nn.Identity" is not a Model'),
        (
            "dataset_reader",
            {"type": "weibo2"},
            'dataset_reader.type: "weibo2" is not a registered DatasetReader.',
        ),
        (
            "validation_dataset_reader",
            {"type": "weibo", "split": 1},
            "validation_dataset_reader.split: unknown key.",
        ),
    ],
)
def test_a_config_of_another_version_is_reported(
    refused: Refused, contents: dict[str, bytes], key: str, value: Any, message: str
) -> None:
    config = {**json.loads(contents["config.json"]), key: value}
    meta = {**json.loads(contents["meta.json"]), "ner_adv_plugin": "0.9.0"}
    changed = {"config.json": json.dumps(config).encode(), "meta.json": json.dumps(meta).encode()}
    told = refused(packed({**contents, **changed}), lambda path: load_archive(path).train_reader)
    assert f"crafted.tar.gz: config.json: {message}" in told
    assert told.endswith(
        f"(written by ner_adv_plugin 0.9.0, read by ner_adv_plugin {ner_adv_plugin.__version__})"
    )


def test_a_model_of_absurd_size_is_reported(refused: Refused, contents: dict[str, bytes]) -> None:
    config = json.loads(contents["config.json"])
    config["model"]["encoder"]["embedding_dim"] = 2**50
    message = refused(
        packed({**contents, "config.json": json.dumps(config).encode()}), load_archive
    )
    assert "crafted.tar.gz: config.json: model" in message


def test_weights_of_another_model_are_reported(
    refused: Refused, contents: dict[str, bytes], tmp_path: Path
) -> None:
    torch.save({"embedding.weight": torch.zeros(2, 2)}, tmp_path / "weights")
    message = refused(
        packed(with_pickled(contents, (tmp_path / "weights").read_bytes())), load_archive
    )
    assert (
        "weights.th does not hold the weights of this model" in message
        and "Missing key(s)" in message
    )


def test_additional_files_are_extracted(
    tmp_path: Path, temporary: Path, contents: dict[str, bytes]
) -> None:
    (tmp_path / "model.tar.gz").write_bytes(packed({**contents, "fta/笔记.txt": b"notes"}))
    with opened(tmp_path / "model.tar.gz") as folder:
        assert (folder / "fta" / "笔记.txt").read_bytes() == b"notes"
    assert load_archive(tmp_path / "model.tar.gz").heads == ["weibo", "msra", "msr"]
    assert everything(temporary) == {}
