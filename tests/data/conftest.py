"""An empty cache, and a corpus for it."""

from pathlib import Path

import pytest

from ner_adv_plugin.data.reading import cache as row_cache
from tests.data.reading.caching import CORPUS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, for files of any size."""
    monkeypatch.setenv("NER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(row_cache, "SMALLEST_FILE", 0)
    return tmp_path / "cache"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus"
    path.write_bytes(CORPUS)
    return path
