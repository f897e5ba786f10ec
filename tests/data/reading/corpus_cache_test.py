"""The cache of corpora: what it returns is what reading returns."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ner_adv_plugin.common.array_files import PARTIAL
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading import (
    ConllReader,
    DatasetReader,
    MsraReader,
    MsrReader,
    PeopleDailyReader,
    PfrReader,
    SpanJsonReader,
    WeiboReader,
    corpus_cache,
)
from ner_adv_plugin.data.reading.corpus_cache import SUFFIX, CorpusCache
from ner_adv_plugin.data.reading.normalisers import NfkcNormaliser

DATA = Path("fixtures/data")
TEXT = "王\tB-PER\n明\tI-PER\n在\tI-LOC\n\n你\tO\n\n"


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "in.bio").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "in.bio")


@pytest.fixture
def cache(tmp_path: Path) -> CorpusCache:
    return CorpusCache(tmp_path / "cache")


def stored(cache: CorpusCache) -> list[Path]:
    return sorted(cache.folder.glob(f"*{SUFFIX}"))


def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the path of each file that is really read."""
    found: list[str] = []
    read_all = DatasetReader._read_all

    def noted(self: DatasetReader, file_path: str) -> Any:
        found.append(file_path)
        return read_all(self, file_path)

    monkeypatch.setattr(DatasetReader, "_read_all", noted)
    return found


@pytest.mark.parametrize(
    ("reader_class", "file"),
    [
        (MsraReader, "msra/train.bio"),
        (PeopleDailyReader, "people_daily/example.train"),
        (PeopleDailyReader, "people_daily/surrogate.train"),
        (WeiboReader, "weibo/weiboNER_2nd_conll.train"),
        (MsrReader, "msr/msr_training.utf8"),
        (PfrReader, "pfr/199801.txt"),
        (SpanJsonReader, "cluener/train.json"),
    ],
)
def test_a_corpus_is_read_once(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    reader_class: Any,
    file: str,
) -> None:
    files = read_files(monkeypatch)
    path = str(root / DATA / file)
    results = []
    for _ in range(2):
        reader = reader_class()
        reader.bind("own")
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            table = CorpusCache(tmp_path).read(reader, path)
        state = (reader.counts, reader.repaired, reader.illegal_sentences)
        met = getattr(reader, "types_met", None)
        results.append((list(table), table.place(0), state, met, caplog.messages))
    assert results[0] == results[1]
    assert files == [path]


def test_changed_content_is_read_again(path: str, cache: CorpusCache) -> None:
    assert len(cache.read(ConllReader(), path)) == 2
    times = os.stat(path)
    Path(path).write_text(TEXT.replace("你", "我"), encoding="utf-8")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert cache.read(ConllReader(), path)[1].text == "我"


@pytest.mark.parametrize(
    ("settings", "stored_files"),
    [
        ({"max_instances": 1}, 2),
        ({"type_map": {"PER": "X"}}, 2),
        ({"tag_scheme": "IOB1"}, 2),
        # Applied to what was read.
        ({"normalisers": [NfkcNormaliser()]}, 1),
    ],
)
def test_other_settings_are_another_corpus(
    path: str, cache: CorpusCache, settings: dict[str, Any], stored_files: int
) -> None:
    cache.read(ConllReader(), path)
    assert cache.read(ConllReader(**settings), path) == ConllReader(**settings).read(path)
    assert len(stored(cache)) == stored_files


def test_other_code_reads_again(
    path: str, cache: CorpusCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.read(ConllReader(), path)
    monkeypatch.setattr(corpus_cache, "_code", lambda: "changed")
    cache.read(ConllReader(), path)
    assert len(stored(cache)) == 2


def test_readers_of_others_and_corpora_without_labels_are_not_cached(
    path: str, cache: CorpusCache, tmp_path: Path
) -> None:
    class OwnReader(ConllReader):
        pass

    (tmp_path / "texts.txt").write_text("你好\n", encoding="utf-8")
    unlabelled = DatasetReader.by_name("unlabelled")(head=None)
    assert cache.read(OwnReader(), path) == ConllReader().read(path)
    assert len(cache.read(unlabelled, str(tmp_path / "texts.txt"))) == 1
    assert not stored(cache)


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", None])
def test_a_damaged_file_is_replaced(
    path: str, cache: CorpusCache, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    table = cache.read(ConllReader(), path)
    (file,) = stored(cache)
    content = file.read_bytes()
    file.write_bytes(damage(content) if damage else content[:-9] + b"x" + content[-8:])
    assert cache.read(ConllReader(), path) == table
    assert "not used, as it is damaged" in caplog.text
    assert file.read_bytes() == content


def test_a_file_that_changes_while_it_is_read_is_not_cached(
    path: str, cache: CorpusCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_all = DatasetReader._read_all

    def changing(self: DatasetReader, file_path: str) -> Any:
        Path(path).write_text("我\tO\n", encoding="utf-8")
        return read_all(self, file_path)

    monkeypatch.setattr(DatasetReader, "_read_all", changing)
    cache.read(ConllReader(), path)
    assert not stored(cache)


def test_a_folder_that_cannot_be_written_is_no_error(
    path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert len(CorpusCache(tmp_path / "file" / "cache").read(ConllReader(), path)) == 2
    assert "not cached" in caplog.text


def test_the_folder_is_bounded(path: str, tmp_path: Path) -> None:
    cache = CorpusCache(tmp_path / "cache")
    cache.read(ConllReader(), path)
    (first,) = stored(cache)
    os.utime(first, (1, 1))
    abandoned, active = (cache.folder / f"{name}{PARTIAL}" for name in ("old", "new"))
    for partial in (abandoned, active):
        partial.write_bytes(b"")
    os.utime(abandoned, (time.time() - 7200, time.time() - 7200))

    cache.limit = first.stat().st_size + 10
    cache.read(ConllReader(max_instances=1), path)
    assert first not in stored(cache) and len(stored(cache)) == 1
    assert active.exists() and not abandoned.exists()


def test_leaks_are_found_once(path: str, cache: CorpusCache, tmp_path: Path) -> None:
    (tmp_path / "dev.bio").write_text("我\tO\n", encoding="utf-8")
    train = cache.read(ConllReader(), path)
    held_out = cache.read(ConllReader(), str(tmp_path / "dev.bio"))
    calls = []

    def find() -> np.ndarray:
        calls.append(1)
        return np.array([True, False])

    for _ in range(2):
        assert cache.leaks(train, [held_out], find).tolist() == [True, False]
    assert len(calls) == 1
    # Of tables that were not read as a whole, or not by the cache, nothing is known.
    for table in (train[:2], ConllReader().read(path)):
        cache.leaks(table, [held_out], find)
    assert len(calls) == 3


def test_processes_share_a_folder(path: str, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from ner_adv_plugin.data.reading import ConllReader\n"
        "from ner_adv_plugin.data.reading.corpus_cache import CorpusCache\n"
        "for number in range(20):\n"
        "    reader = ConllReader(max_instances=1 + number % 2)\n"
        "    cache = CorpusCache(pathlib.Path(sys.argv[2]), limit=1)\n"
        "    print(list(cache.read(reader, sys.argv[1])))\n"
    )
    command = [sys.executable, "-c", code, path, str(tmp_path / "cache")]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in running]
    expected = [
        Instance("王明在", [Span(0, 2, "PER"), Span(2, 3, "LOC")], {"line": 1}),
        Instance("你", [], {"line": 5}),
    ]
    lines = [repr(expected[: 1 + number % 2]) for number in range(20)]
    for (output, errors), process in zip(outputs, running, strict=True):
        assert process.returncode == 0, errors
        assert output.splitlines() == lines
        assert "damaged" not in errors and "not cached" not in errors
