"""Entries: what is read back, where they are, and what becomes of damaged, old and simultaneous ones."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import ConllReader, MsraReader, UnlabelledReader
from ner_adv_plugin.data.reading import cache as row_cache
from ner_adv_plugin.data.reading.cache import cache_folder
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.data.reading.caching import CORPUS, SETTINGS, Counting, entries, read


def test_a_second_reading_is_as_the_first(folder: Path, corpus: Path, caplog: pytest.LogCaptureFixture) -> None:
    results = []
    for _ in range(2):
        caplog.clear()
        reader = Counting(**SETTINGS)
        reader.bind("names")
        rows = list(reader.read(corpus))
        said = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
        results.append((rows, said, reader.repaired, reader.illegal_rows))
    assert results[0] == results[1] and Counting.readings.count(str(corpus)) == 1
    rows, said, repaired, illegal = results[1]
    assert [(row.text, row.spans, row.dataset, row.metadata) for row in rows] == [
        ("甲乙", [(0, 2, "PER")], "names", {"line": 1}),
        ("😀丙", [(1, 2, "GPE")], "names", {"line": 4}),
        ("丁\udcff", [], "names", {"line": 7}),
    ]
    assert [message.removeprefix(f"{corpus}: ").split(" ")[:3] for _, _, message in said] == [
        ["1", "lines", "hold"],
        ["1", "illegal", "tags"],
        ["no", "entity", "of"],
    ]
    assert repaired == {str(corpus): 1} and illegal == {str(corpus): {4: 1}}
    assert len(entries(folder)) == 1


def test_what_is_encoded_is_the_same(folder: Path, corpus: Path) -> None:
    arrays = []
    for _ in range(2):
        reader = ConllReader(**SETTINGS)
        reader.bind("a")
        rows = reader.read(corpus)
        vocab = Vocabulary.from_instances({"train": {"a": rows}}, {"a": reader})
        characters = vocab.get_token_to_index_vocabulary("characters")
        encoded = EncodedDataset("a", rows, vocab, CharacterAlphabet(characters, 1))
        assert encoded.token_ids is not None and encoded.spans is not None
        spans = encoded.spans
        columns = [spans.starts_S, spans.ends_S, spans.types_S, spans.counts_R, spans.types]
        arrays.append([encoded.token_ids, encoded.lengths, sorted(characters), *columns])
        # Of another encoder other indices, from the same entry.
        other = EncodedDataset("a", rows, vocab, CharacterAlphabet({"甲": 7}, 0))
        assert other.token_ids is not None and other.token_ids.tolist() == [7, 0, 0, 0, 0, 0]
    for one, two in zip(*arrays, strict=True):
        assert np.array_equal(one, two)


def damaged(content: bytes) -> Iterator[bytes]:
    """Ways in which a file of the cache may not be what was written."""
    yield b""
    yield b"no archive"
    yield content[: len(content) // 2]
    middle = content.index("甲乙".encode())
    yield content[:middle] + b"x" + content[middle + 1 :]


def test_a_damaged_entry_is_replaced(folder: Path, corpus: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, _ = read(corpus)
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    for content in damaged(whole):
        entry.write_bytes(content)
        caplog.clear()
        assert read(corpus) == (first, True)
        assert f"{entry}: damaged, {corpus} is read again" in caplog.messages[0]
        assert read(corpus) == (first, False)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("span_types", lambda array: array + 100),
        ("span_types", lambda array: array - 1),
        ("starts", lambda array: array[:-1]),
        ("starts", lambda array: array - 1),
        ("starts", lambda array: array + 1),
        ("ends", lambda array: array + 1),
        ("counts", lambda array: array[:-1]),
        ("counts", lambda array: array + 1),
        ("lengths", lambda array: array + 1),
        ("lines", lambda array: array[:-1]),
        ("text", lambda array: array.astype(object)),
        ("about", lambda array: array[:-1]),
    ],
)
def test_an_entry_whose_arrays_do_not_fit_is_replaced(folder: Path, corpus: Path, name: str, change: Any) -> None:
    first, _ = read(corpus)
    (entry,) = entries(folder)
    with np.load(entry) as arrays:
        content = dict(arrays)
    np.savez(entry, **{**content, name: change(content[name])})
    assert read(corpus) == (first, True) and read(corpus) == (first, False)


def test_processes_that_write_the_same_entry(folder: Path, corpus: Path) -> None:
    code = (
        "import ner_adv_plugin.data.reading.cache as cache; cache.SMALLEST_FILE = 0\n"
        "from ner_adv_plugin.data.reading import ConllReader\n"
        f"print([row.text for row in ConllReader(encoding_errors='replace').read({str(corpus)!r})])"
    )
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.communicate()[0] for process in started} == {"['甲乙', '😀丙', '丁\ufffd']\n"}
    assert len(entries(folder)) == 1


def test_whoever_reads_meanwhile_finds_a_whole_entry_or_none(
    folder: Path, corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = list(ConllReader(**SETTINGS).read(corpus))
    (entry,) = entries(folder)
    found: list[list[Instance]] = []

    def read_again() -> None:
        for _ in range(10):
            entry.unlink(missing_ok=True)
            found.append(list(ConllReader(**SETTINGS).read(corpus)))

    threads = [threading.Thread(target=read_again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [first] * 30 and entries(folder) == [entry]
    assert "damaged" not in caplog.text and "not cached" not in caplog.text
    # Of each reading its own three warnings, whichever thread it is of.
    with np.load(entry) as arrays:
        assert len(json.loads(arrays["about"].tobytes())["said"]) == 3


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("NER_CACHE", str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.setenv("NER_CACHE", "~/named")
    assert cache_folder() == home / "named"
    monkeypatch.setenv("NER_CACHE", "")
    assert cache_folder() is None
    monkeypatch.delenv("NER_CACHE")
    assert cache_folder() == home / ".cache" / "ner_adv_plugin"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder() == home / ".cache" / "ner_adv_plugin"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "ner_adv_plugin"


def test_nothing_is_written_but_in_its_folder(
    folder: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    read(corpus)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "corpus"]
    monkeypatch.setenv("NER_CACHE", "")
    assert [read(corpus, max_instances=1)[1] for _ in range(2)] == [True, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "corpus"]


def test_small_files_and_unlabelled_text_are_not_cached(
    folder: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    UnlabelledReader(encoding_errors="replace").read(corpus)
    monkeypatch.setattr(row_cache, "SMALLEST_FILE", len(CORPUS) + 1)
    read(corpus)
    assert entries(folder) == []
    monkeypatch.setattr(row_cache, "SMALLEST_FILE", len(CORPUS))
    read(corpus)
    assert len(entries(folder)) == 1


def test_a_selection_of_another_table_is_read_again(folder: Path, corpus: Path) -> None:
    """An entry holds whole tables."""

    class Last(ConllReader):
        def _read(self, file_path: str) -> InstanceTable:  # type: ignore[override]
            return ConllReader(**SETTINGS).read(file_path)[1:]

    for _ in range(2):
        assert [row.text for row in Last(**SETTINGS).read(corpus)] == ["😀丙", "丁\udcff"]
        assert [row.text for row in Last(**SETTINGS, max_instances=1).read(corpus)] == ["😀丙"]


def test_a_folder_that_cannot_be_written(folder: Path, corpus: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.write_text("a file stands here")
    rows, again = read(corpus)
    assert again and len(rows) == 3 and f"{corpus} is not cached: " in caplog.messages[-1]


def test_the_entries_used_least_make_room(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in "abcd"]
    for age, path in enumerate(paths):
        path.write_bytes(CORPUS)
        read(path)
        (entry,) = (entry for entry in entries(folder) if time.time() - entry.stat().st_mtime < 1000)
        os.utime(entry, (1e9 + age, 1e9 + age))
    size = max(entry.stat().st_size for entry in entries(folder))
    assert read(paths[0])[1] is False  # the oldest was used just now
    monkeypatch.setattr(row_cache, "LARGEST_CACHE", 3 * size)
    read(paths[3], max_instances=1)
    assert len(entries(folder)) <= 3
    assert [read(path)[1] for path in (paths[0], paths[3])] == [False, False]
    assert read(paths[1])[1] is True


def test_what_a_kill_left_is_removed_a_day_later(folder: Path, corpus: Path, tmp_path: Path) -> None:
    for name, age in ((".old", 2 * 86400), (".new", 60)):
        (folder / name).mkdir(parents=True)
        (folder / name / "half.npz").touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    read(corpus)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [".new"]


def test_without_a_listener_for_warnings_nothing_is_cached(folder: Path, corpus: Path) -> None:
    """The entry would not know what to say again."""
    package = logging.getLogger("ner_adv_plugin")
    before = package.level
    package.setLevel(logging.ERROR)
    try:
        read(corpus)
    finally:
        package.setLevel(before)
    assert entries(folder) == []


def test_real_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    monkeypatch.setenv("NER_CACHE", str(tmp_path))
    tables = [MsraReader().read(shared / "data" / "msra" / "train.bio") for _ in range(2)]
    one, two = (table.columns for table in tables)
    assert len(entries(tmp_path)) == 1 and len(tables[1]) == 45000
    assert one.spans is not None and two.spans is not None and one.spans.types == two.spans.types
    assert list(tables[0].texts()) == list(tables[1].texts()) and np.array_equal(one.lines, two.lines)
    for name in ("starts_S", "ends_S", "types_S", "counts_R"):
        left, right = getattr(one.spans, name), getattr(two.spans, name)
        assert left.dtype == right.dtype and np.array_equal(left, right)
    # Of a character three or fewer bytes of UTF-8, of a span ten bytes, of a row three numbers of four bytes.
    characters, spans = int(one.texts.lengths.sum()), len(one.spans.starts_S)
    assert entries(tmp_path)[0].stat().st_size < 3 * characters + 10 * spans + 12 * 45000 + 10_000
