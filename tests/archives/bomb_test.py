"""Decompression bombs: small files that would fill the disk or the memory."""

import gzip
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.common import limits
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.archives.crafting import SOUND, Refused, member, tar_of

CHUNK = 2**24
# A chunk of zeros, packed once: streams of gzip may be concatenated.
ZEROS = gzip.compress(bytes(CHUNK), 9, mtime=0)


def bomb(name: str, size: int, chunks: int) -> bytes:
    """Return an archive with a member of this size, of zeros, after sound ones."""
    sound = [member(*item) for item in SOUND.items() if item[0] != name]
    info, _ = member(name, size=size)
    start = tar_of(*sound)[:-1024] + info.tobuf(tarfile.PAX_FORMAT)
    return gzip.compress(start, mtime=0) + ZEROS * chunks + gzip.compress(bytes(1024), mtime=0)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of bytes of each copy from an archive to the disk."""
    copies: list[int] = []
    copy: Callable[..., None] = tarfile.copyfileobj

    def counting(source: Any, target: Any, length: int, *rest: Any, **settings: Any) -> None:
        copies.append(length)
        copy(source, target, length, *rest, **settings)

    monkeypatch.setattr(tarfile, "copyfileobj", counting)
    return copies


@pytest.mark.parametrize("chunks", [8, 64, 1024])
@pytest.mark.parametrize("name", ["weights.safetensors", "vocabulary/characters.txt", "fta/a"])
def test_a_member_of_zeros_is_refused_before_it_is_written(
    refused: Refused, written: list[int], name: str, chunks: int
) -> None:
    content = bomb(name, CHUNK * chunks, chunks)
    assert len(content) < CHUNK * chunks / 900
    message = refused(content)
    assert "it claims to unpack to" in message
    assert "unpack it yourself and pass the folder" in message
    assert max(written, default=0) < 1000


def test_many_small_members_are_refused_within_the_limit(
    refused: Refused, written: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ner_adv_plugin.archives.extraction.FREE_BYTES", 2**20)
    members = [member(f"fta/{number}", bytes(2**18)) for number in range(60)]
    content = gzip.compress(tar_of(*members))
    assert "it claims to unpack to" in refused(content)
    assert sum(written) <= limits.MOST_INFLATION * len(content) + 2**20


def test_a_stream_longer_than_it_declares_is_not_read_to_its_end(
    refused: Refused, written: list[int]
) -> None:
    assert "it unpacks to more than its members declare" in refused(bomb("fta/a", 512, 1024))
    assert max(written) < 1000


@pytest.mark.parametrize("name", ["characters.txt", "weights.th"])
@pytest.mark.parametrize("declared", [CHUNK * 40, 512])
def test_a_vocabulary_is_read_within_the_limit(tmp_path: Path, name: str, declared: int) -> None:
    archive = tmp_path / "vocab.tar.gz"
    archive.write_bytes(bomb(name, declared, 40))
    tracemalloc.start()
    with pytest.raises(ConfigurationError, match="vocab.tar.gz is not a valid archive: it unpacks"):
        Vocabulary.from_files(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_an_archive_without_a_bomb_is_opened(tmp_path: Path) -> None:
    # The same size, if the file is as large as it may be.
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(bomb("fta/a", CHUNK * 3, 3))
    with opened(archive) as folder:
        assert (folder / "fta" / "a").stat().st_size == CHUNK * 3
