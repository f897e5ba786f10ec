"""What wandb keeps of a run on disk, offline, against TensorBoard's curves of the same run."""

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import tiny_config
from tests.training.callbacks.helpers import curves, train_in_two

STEPS = 5
SHOWN = {"summary_interval": 2, "distribution_interval": 5, "transition_pictures": True}


def config_of_run(**about: Any) -> dict[str, Any]:
    return tiny_config(
        trainer__num_epochs=2,
        trainer__callbacks=[
            {
                "type": "wandb",
                "project": "ner",
                "name": "first",
                "tags": ["tiny"],
                "notes": "a try",
                **SHOWN,
                **about,
            },
            {"type": "tensorboard", **SHOWN},
            "stopping",
        ],
    )


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The library, which keeps to this machine."""
    library = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    yield library
    library.teardown()


def records(folder: Path) -> list[list[Any]]:
    """The records of every part of a run, in the order of writing.

    A file is a log of LevelDB's format: blocks of 32 KiB, records led by checksum, length and kind.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    parts = []
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        data, at, found, payload = path.read_bytes(), 7, [], b""
        while at + 7 <= len(data):
            left = 32768 - at % 32768
            if left < 7:
                at += left
                continue
            _, length, kind = struct.unpack("<IHB", data[at : at + 7])
            payload += data[at + 7 : at + 7 + length]
            at += 7 + length
            if kind in (1, 4):  # a whole record, or the last piece of one
                found.append(Record.FromString(payload))
                payload = b""
        parts.append(found)
    return parts


def history(found: list[Any]) -> list[dict[str, Any]]:
    """What was written at each step, by name; of histograms and pictures a dictionary."""
    sentences = []
    for record in found:
        if record.HasField("history"):
            sentence: dict[str, Any] = {}
            for item in record.history.item:
                name, *inner = item.nested_key or [item.key]
                target = sentence.setdefault(name, {}) if inner else sentence
                target[inner[0] if inner else name] = json.loads(item.value_json)
            sentences.append(sentence)
    return sentences


def points(sentences: list[dict[str, Any]], prefix: str) -> dict[str, list[tuple[int, float]]]:
    """The curves whose names begin so."""
    result: dict[str, list[tuple[int, float]]] = {}
    for sentence in sentences:
        for name, value in sentence.items():
            if name.startswith(prefix):
                result.setdefault(name.removeprefix(prefix), []).append((sentence["_step"], value))
    return result


def test_the_same_curves_as_tensorboards(wandb: Any, tmp_path: Path) -> None:
    train_model(config_of_run(), tmp_path)
    (found,) = records(tmp_path)
    (run,) = [record.run for record in found if record.HasField("run")][:1]
    assert (run.project, run.display_name, list(run.tags), run.notes) == (
        "ner",
        "first",
        ["tiny"],
        "a try",
    )
    settings = {update.key: json.loads(update.value_json) for update in run.config.update}
    assert settings["trainer"]["num_epochs"] == 2
    (exit,) = [record.exit for record in found if record.HasField("exit")]
    assert exit.exit_code == 0

    sentences = history(found)
    assert [sentence["_step"] for sentence in sentences] == sorted(
        {sentence["_step"] for sentence in sentences}
    )
    # A training step bears the number of steps up to its end.
    training = {
        name: [(step + 1, pytest.approx(value, rel=1e-5, nan_ok=True)) for step, value in curve]
        for name, curve in curves(tmp_path, "train").items()
    }
    assert points(sentences, "train/") == training and len(training["loss"]) == STEPS
    validation = {
        name: [(step, pytest.approx(value, rel=1e-5, nan_ok=True)) for step, value in curve]
        for name, curve in curves(tmp_path, "validation").items()
    }
    assert points(sentences, "validation/") == validation and "weibo_f1" in validation

    ((step, made), _) = points(sentences, "parameter_histogram/")["heads.weibo.projection.weight"]
    assert (step, made["_type"]) == (1, "histogram") and len(made["bins"]) == len(
        made["values"]
    ) + 1
    pictures = points(sentences, "transitions/")
    assert set(pictures) == {"weibo", "msra", "msr"}
    assert [(step, value["_type"]) for step, value in pictures["weibo"]] == [
        (5, "image-file"),
        (10, "image-file"),
    ]


def test_a_recovered_run_goes_on_with_its_run(wandb: Any, tmp_path: Path) -> None:
    train_in_two(config_of_run(), tmp_path, STEPS + 2)
    first, second = records(tmp_path)
    ids = {
        record.run.run_id for part in (first, second) for record in part if record.HasField("run")
    }
    assert len(ids) == 1
    (exit,) = [record.exit for record in first if record.HasField("exit")]
    assert exit.exit_code == 1
    # What follows the checkpoint lies beyond what preceded it.
    assert [step for step, _ in points(history(first), "train/")["loss"]] == [1, 3, 5, 7]
    assert [step for step, _ in points(history(first), "validation/")["weibo_f1"]] == [5]
    assert [step for step, _ in points(history(second), "train/")["loss"]] == [7, 9]
    assert [step for step, _ in points(history(second), "validation/")["weibo_f1"]] == [10]


def test_what_wandb_refuses_is_told(wandb: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^wandb: .*project name"):
        train_model(config_of_run(project="a/b"), tmp_path)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="pip install wandb"):
        train_model(config_of_run(), tmp_path)
