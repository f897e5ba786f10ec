"""Offline data of wandb against TensorBoard's curves of the same run."""

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
    """The library in offline mode."""
    library = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    yield library
    library.teardown()


def records(folder: Path) -> list[list[Any]]:
    """Read the records of a run, one list per process that wrote it, in the order of writing.

    A file is a log in LevelDB's format: blocks of 32 KiB, in which each record is preceded by its
    checksum, length and type.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    records_by_file = []
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        data, at, found, payload = path.read_bytes(), 7, [], b""
        while at + 7 <= len(data):
            left = 32768 - at % 32768
            if left < 7:
                at += left
                continue
            _, length, record_type = struct.unpack("<IHB", data[at : at + 7])
            payload += data[at + 7 : at + 7 + length]
            at += 7 + length
            if record_type in (1, 4):  # a complete record, or the last fragment of one
                found.append(Record.FromString(payload))
                payload = b""
        records_by_file.append(found)
    return records_by_file


def history(found: list[Any]) -> list[dict[str, Any]]:
    """Return the values of each step by name; those of histograms and pictures are dictionaries."""
    rows = []
    for record in found:
        if record.HasField("history"):
            row: dict[str, Any] = {}
            for item in record.history.item:
                name, *inner = item.nested_key or [item.key]
                target = row.setdefault(name, {}) if inner else row
                target[inner[0] if inner else name] = json.loads(item.value_json)
            rows.append(row)
    return rows


def points(rows: list[dict[str, Any]], prefix: str) -> dict[str, list[tuple[int, float]]]:
    """Return the curves whose names have a prefix."""
    result: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name.startswith(prefix):
                result.setdefault(name.removeprefix(prefix), []).append((row["_step"], value))
    return result


def test_curves_equal_those_of_tensorboard(wandb: Any, tmp_path: Path) -> None:
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

    rows = history(found)
    assert [row["_step"] for row in rows] == sorted({row["_step"] for row in rows})
    # The x-value of a training step is the number of steps up to its end.
    training = {
        name: [(step + 1, pytest.approx(value, rel=1e-5, nan_ok=True)) for step, value in curve]
        for name, curve in curves(tmp_path, "train").items()
    }
    assert points(rows, "train/") == training and len(training["optimized_loss"]) == STEPS
    validation = {
        name: [(step, pytest.approx(value, rel=1e-5, nan_ok=True)) for step, value in curve]
        for name, curve in curves(tmp_path, "validation").items()
    }
    assert points(rows, "validation/") == validation and "weibo_f1" in validation

    ((step, made), _) = points(rows, "parameter_histogram/")["heads.weibo.projection.weight"]
    assert (step, made["_type"]) == (1, "histogram") and len(made["bins"]) == len(
        made["values"]
    ) + 1
    pictures = points(rows, "transitions/")
    assert set(pictures) == {"weibo", "msra", "msr"}
    assert [(step, value["_type"]) for step, value in pictures["weibo"]] == [
        (5, "image-file"),
        (10, "image-file"),
    ]


def test_a_recovered_run_resumes_its_wandb_run(wandb: Any, tmp_path: Path) -> None:
    train_in_two(config_of_run(), tmp_path, STEPS + 2)
    first, second = records(tmp_path)
    ids = {record.run.run_id for record in first + second if record.HasField("run")}
    assert len(ids) == 1
    (exit,) = [record.exit for record in first if record.HasField("exit")]
    assert exit.exit_code == 1
    # Steps after the checkpoint have higher numbers than those before it.
    assert [step for step, _ in points(history(first), "train/")["optimized_loss"]] == [1, 3, 5, 7]
    assert [step for step, _ in points(history(first), "validation/")["weibo_f1"]] == [5]
    assert [step for step, _ in points(history(second), "train/")["optimized_loss"]] == [7, 9]
    assert [step for step, _ in points(history(second), "validation/")["weibo_f1"]] == [10]


def test_errors_of_wandb_are_reported(wandb: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^wandb: .*project name"):
        train_model(config_of_run(project="a/b"), tmp_path)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match="pip install wandb"):
        train_model(config_of_run(), tmp_path)
