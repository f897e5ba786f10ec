"""Archives that several files use."""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.runs.train_job import train_model
from tests.archives.crafting import Refused, everything
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


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where temporary files go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def refused(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Opens an archive of this content, which must fail and leave everything as it was; the message."""
    monkeypatch.chdir(tmp_path)

    def refused(content: bytes, open_it: Callable[[Path], Any] | None = None) -> str:
        path = tmp_path / "crafted.tar.gz"
        path.write_bytes(content)
        before = everything(tmp_path)
        with pytest.raises(UserError) as caught:
            if open_it is not None:
                open_it(path)
            else:
                with opened(path):
                    pytest.fail("it was opened")
        assert everything(tmp_path) == before and "temporary" in before
        message = str(caught.value)
        assert message.startswith(str(path)) or message.startswith(f"cannot unpack {path}")
        return message

    return refused


@pytest.fixture
def contents(tiny_run: Path) -> dict[str, bytes]:
    """What the archive of a trained model holds."""
    with tarfile.open(tiny_run / "model.tar.gz") as archive:
        files = {info.name: archive.extractfile(info) for info in archive if info.isreg()}
        return {name: file.read() for name, file in files.items() if file is not None}
