"""Archives that several files use."""

import shutil
from pathlib import Path

import pytest

from ner_adv_plugin.training.train_job import train_model
from tests.tiny import ROOT, single_task_config


@pytest.fixture(scope="package")
def transformer_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a model on a pretrained encoder whose own folder is gone, and the folder of the run with it."""
    folder = tmp_path_factory.mktemp("transformer")
    shutil.copytree(ROOT / "fixtures" / "encoder", folder / "encoder")
    encoder = {"type": "pretrained_transformer", "model_name": str(folder / "encoder"), "window": 32, "overlap": 8}
    config = single_task_config(dataset_reader__max_instances=16, trainer__num_epochs=2, trainer__optimizer__lr=5e-3)
    config["model"]["encoder"] = encoder
    train_model(config, folder / "run")
    shutil.rmtree(folder / "encoder")
    shutil.move(folder / "run" / "model.tar.gz", folder / "model.tar.gz")
    shutil.rmtree(folder / "run")
    return folder / "model.tar.gz"
