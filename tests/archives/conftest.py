"""Damaged archives, and what must not change if one is refused."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.common.errors import UserError
from tests.archives.crafting import Refused, everything


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def refused(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """A function that opens an archive, which must fail and change nothing; returns the message."""
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
        assert f"{temporary}/ner_adv_plugin-" not in message
        assert message.startswith(str(path)) or message.startswith(f"cannot unpack {path}")
        return message

    return refused


@pytest.fixture
def contents(tiny_run: Path) -> dict[str, bytes]:
    """The content of a trained model's archive, by file."""
    with tarfile.open(tiny_run / "model.tar.gz") as archive:
        files = {info.name: archive.extractfile(info) for info in archive if info.isreg()}
        return {name: file.read() for name, file in files.items() if file is not None}
