"""Checkpoints: which one is found, which are kept, and what is loaded."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.training.checkpoints import checkpointer as module
from ner_adv_plugin.training.checkpoints.checkpointer import Checkpointer


def save(checkpointer: Checkpointer, folder: Path, epoch: int, batch: int) -> None:
    weights = torch.tensor([epoch, batch])
    checkpointer.save(folder, epoch, batch, {"weights": weights}, {"progress": [epoch, batch]})


def latest(folder: Path) -> list[int] | None:
    """Return epoch and batch of the latest checkpoint, None if missing."""
    checkpoint = Checkpointer().load_latest(folder)
    if checkpoint is None:
        return None

    model, training = checkpoint
    assert model["weights"].tolist() == training["progress"]
    progress: list[int] = training["progress"]
    return progress


def test_latest_is_by_number_not_by_name(tmp_path: Path) -> None:
    checkpointer = Checkpointer(keep_most_recent_by_count=None)
    for epoch, batch in [(10, 0), (9, 100), (2, 0), (9, 20)]:
        save(checkpointer, tmp_path, epoch, batch)
    assert latest(tmp_path) == [10, 0]
    for prefix in ("model", "training"):
        (tmp_path / f"{prefix}_state_e10_b0.th").unlink()
    assert latest(tmp_path) == [9, 100]


def test_no_checkpoint_in_an_empty_or_missing_folder(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    assert latest(tmp_path / "missing") is None


@pytest.mark.parametrize("lost", ["model", "training"])
def test_one_file_is_no_checkpoint(tmp_path: Path, lost: str) -> None:
    checkpointer = Checkpointer()
    save(checkpointer, tmp_path, 1, 0)
    save(checkpointer, tmp_path, 1, 5)
    (tmp_path / f"{lost}_state_e1_b5.th").unlink()
    assert latest(tmp_path) == [1, 0]


def test_files_with_other_names_are_no_checkpoints(tmp_path: Path) -> None:
    save(Checkpointer(), tmp_path, 1, 0)
    for name in (
        "training_state_e9_b9.th.partial",
        ".training_state_e9_b9.th.partial",
        "training_state_e9_bx.th",
    ):
        (tmp_path / name).write_bytes(b"half")
        (tmp_path / name.replace("training", "model")).write_bytes(b"half")
    assert latest(tmp_path) == [1, 0]


def test_training_state_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = module.write_file

    def watched(path: Path, make: Callable[[Path], None]) -> None:
        written.append(path.name)
        write(path, make)

    monkeypatch.setattr(module, "write_file", watched)
    save(Checkpointer(), tmp_path, 3, 4)
    assert written == ["model_state_e3_b4.th", "training_state_e3_b4.th"]


@pytest.mark.parametrize("keep", [1, 2, 3, None])
def test_number_of_checkpoints_kept(tmp_path: Path, keep: int | None) -> None:
    checkpointer = Checkpointer(keep_most_recent_by_count=keep)
    saved = [(0, 2), (0, 4), (1, 0), (1, 10), (2, 0)]
    for epoch, batch in saved:
        save(checkpointer, tmp_path, epoch, batch)
    kept = saved if keep is None else saved[-keep:]
    expected = {
        f"{prefix}_state_e{epoch}_b{batch}.th"
        for epoch, batch in kept
        for prefix in ("model", "training")
    }
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_keeping_no_checkpoint_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="keep_most_recent_by_count"):
        Checkpointer(keep_most_recent_by_count=0)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    save(Checkpointer(), tmp_path, 1, 0)
    torch.save({"progress": Payload()}, tmp_path / "training_state_e1_b0.th")
    with pytest.raises(UserError, match="is not a file of weights only"):
        Checkpointer().load_latest(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_due_after_a_number_of_batches() -> None:
    checkpointer = Checkpointer(save_every_num_batches=3)
    assert [batch for batch in range(1, 10) if checkpointer.is_due(batch)] == [3, 6, 9]
    assert not any(Checkpointer().is_due(batch) for batch in range(1, 10))


def test_due_after_a_number_of_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    checkpointer = Checkpointer(save_every_num_seconds=60)
    now += 59
    assert not checkpointer.is_due(1)
    now += 1
    assert checkpointer.is_due(2)
    save(checkpointer, tmp_path, 0, 2)
    assert not checkpointer.is_due(3)
    now += 60
    assert checkpointer.is_due(4)


def test_only_incomplete_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        save(Checkpointer(), tmp_path, epoch, 0)
    incomplete = [
        ".model_state_e2_b7.th.partial",  # killed while this was written
        "model_state_e2_b7.th",  # killed before the training state was written
        ".training_state_e3_b0.th.partial",
        "model_state_e1_b0.th",  # killed after the training state was removed
    ]
    for name in [*incomplete, "notes.txt", "model_state_e3_b0.th.copy"]:
        (tmp_path / name).write_bytes(b"half")
    assert latest(tmp_path) == [3, 0]
    kept = {
        f"{prefix}_state_e{epoch}_b0.th" for epoch in (2, 3) for prefix in ("model", "training")
    }
    assert {path.name for path in tmp_path.iterdir()} == kept | {
        "notes.txt",
        "model_state_e3_b0.th.copy",
    }
    (tmp_path / incomplete[0]).write_bytes(b"half")
    save(Checkpointer(), tmp_path, 4, 0)
    assert not (tmp_path / incomplete[0]).exists() and latest(tmp_path) == [4, 0]
