"""Full disks and folders that are not writable: one message, and nothing is lost."""

import contextlib
import logging
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.callbacks import TrainerCallback
from tests.commands.conftest import Run
from tests.killing import config_of_run
from tests.same_run import differences
from tests.tiny import single_task_config, write_config


@TrainerCallback.register("fills_the_disk")
class FillsTheDisk(TrainerCallback):
    """Limits the size of files that can be written, after a number of steps."""

    full: tuple[int, int] | None = None

    def on_batch(self, trainer: Any, epoch: int, batch_number: int, is_training: bool) -> None:
        if self.full is not None and trainer.steps_done == self.full[0]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.full[1], resource.RLIM_INFINITY))


def config_of_full_disk() -> dict[str, Any]:
    config = config_of_run()
    config["trainer"]["num_epochs"] = 2
    config["trainer"]["callbacks"].append({"type": "fills_the_disk"})
    return config


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    train_model(config_of_full_disk(), folder)
    return folder


@pytest.fixture
def room() -> Iterator[None]:
    """Remove the limit in the end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("steps", "limit", "name"),
    [
        # The model has 170 kB, its training state 370 kB.
        (5, 100_000, "checkpoints/model_state_e0_b6.th"),
        (5, 250_000, "checkpoints/training_state_e0_b6.th"),
        (8, 100_000, "best.th"),
    ],
)
def test_full_disk(
    run: Run,
    tmp_path: Path,
    uninterrupted: Path,
    room: None,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    limit: int,
    name: str,
) -> None:
    config = write_config(tmp_path / "config.json", config_of_full_disk())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with monkeypatch.context() as patch:
        patch.setattr(FillsTheDisk, "full", (steps, limit))
        result = run("train", config, "-s", "run")
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.status == 2 and "Traceback" not in result.err
    reason = "the disk is full, or does not accept files of this size"
    assert result.err.splitlines()[-1] == f"error: cannot write run/{name}: {reason}"
    folder = tmp_path / "run"
    last = "e0_b3" if steps == 5 else "e0_b6"
    assert {f"{kind}_state_{last}.th" for kind in ("model", "training")} <= {
        p.name for p in folder.glob("*/*")
    }
    assert not (folder / name).exists() and not list(folder.rglob(".*partial"))
    result = run("train", config, "-s", "run", "--recover")
    assert result.status == 0, result.err
    assert differences(folder, uninterrupted) == []


@pytest.mark.parametrize(
    "name", ["checkpoints", "best.th", "log", "vocabulary", "out.log", "metrics_epoch_0.json"]
)
def test_a_path_that_cannot_be_written_is_one_message(run: Run, tmp_path: Path, name: str) -> None:
    """A folder instead of a file, or a file instead of a folder: not even root can write it."""
    (tmp_path / "run").mkdir()
    if name in ("checkpoints", "log", "vocabulary"):
        (tmp_path / "run" / name).touch()
    else:
        (tmp_path / "run" / name / "below").mkdir(parents=True)
    config = single_task_config(
        trainer__num_epochs=1, trainer__callbacks=["tensorboard"], dataset_reader__max_instances=8
    )
    result = run("train", write_config(tmp_path / "config.json", config), "-s", "run", "--recover")
    assert result.status == 2 and "Traceback" not in result.err
    last = result.err.splitlines()[-1]
    assert last.startswith("error: ") and f"run/{name}" in last


def test_training_continues_if_the_log_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "out.log").symlink_to("/dev/full")
    config = write_config(tmp_path / "config.json", single_task_config(trainer__num_epochs=1))
    result = run("train", config, "-s", "run", "--recover")
    for handler in [h for h in logging.getLogger().handlers if isinstance(h, logging.FileHandler)]:
        logging.getLogger().removeHandler(handler)
        with contextlib.suppress(OSError):
            handler.close()
    assert (
        result.status == 0 and "Traceback" not in result.err and "No space left" not in result.err
    )
    assert (tmp_path / "run" / "model.tar.gz").is_file()


def test_a_folder_below_a_file_is_one_message(run: Run, tmp_path: Path) -> None:
    config = write_config(tmp_path / "config.json", single_task_config())
    result = run("train", config, "-s", "config.json/run")
    assert (result.status, result.out) == (2, "")
    assert (
        result.err.startswith("error: cannot create config.json/run: ")
        and result.err.count("\n") == 1
    )
    shutil.copy(config, tmp_path / "copy.json")
    assert run("train", "copy.json", "-s", "config.json/run", "--recover").status == 2
