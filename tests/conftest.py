"""Settings and fixtures of all tests."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from hypothesis import settings

import ner_adv_plugin.components  # noqa: F401
from ner_adv_plugin.runs.train_job import train_model
from tests.tiny import single_task_config, tiny_config

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# One thread per process, so that test processes share the cores without waiting for each other.
# The variable gives it to commands as well, in this process and in others: sums over more threads
# round differently.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)

# The time of an example means nothing on a shared machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture
def fixture_data(root: Path) -> Path:
    """The folder of the embedded corpora."""
    return root / "fixtures" / "data"


@pytest.fixture
def fixture_encoder(root: Path) -> Path:
    """The folder of the embedded encoder."""
    return root / "fixtures" / "encoder"


@pytest.fixture
def shared() -> Path:
    """The folder of real corpora and encoders; tests are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip("real corpora and encoders are not at hand (../shared)")
    return SHARED


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a successful run of three tasks, with curves of every step; read-only."""
    return made_once(tmp_path_factory, "tiny_run", _train_tiny)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that is created by the first test process that needs it; read-only."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(folder.with_suffix(".partial"))
            folder.with_suffix(".partial").rename(folder)
    return folder


def _train_tiny(folder: Path) -> None:
    callbacks = [{"type": "tensorboard", "summary_interval": 1}]
    optimizer = {"type": "adamw", "lr": 0.03, "parameter_groups": [[["^encoder"], {"lr": 0.02}]]}
    config = tiny_config(
        trainer__num_epochs=14,
        trainer__callbacks=callbacks,
        trainer__optimizer=optimizer,
        trainer__learning_rate_scheduler={"type": "linear_with_warmup", "warmup": 0.1},
        trainer__grad_norm=5.0,
        model__objectives=[
            {"type": "domain_adversarial", "reversal": {"type": "dann", "scale": 0.5}}
        ],
    )
    train_model(config, folder)


@pytest.fixture(scope="session")
def transformer_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a model with a pretrained encoder; the encoder and the run are deleted."""
    return made_once(tmp_path_factory, "transformer", _archive_transformer) / "model.tar.gz"


def _archive_transformer(folder: Path) -> None:
    shutil.copytree(ROOT / "fixtures" / "encoder", folder / "encoder")
    encoder = {
        "type": "pretrained_transformer",
        "model_name": str(folder / "encoder"),
        "window": 32,
        "overlap": 8,
    }
    config = single_task_config(
        dataset_reader__max_instances=16, trainer__num_epochs=2, trainer__optimizer__lr=5e-3
    )
    config["model"]["encoder"] = encoder
    train_model(config, folder / "run")

    shutil.rmtree(folder / "encoder")
    shutil.move(folder / "run" / "model.tar.gz", folder / "model.tar.gz")
    shutil.rmtree(folder / "run")
