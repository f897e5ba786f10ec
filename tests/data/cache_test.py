import importlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import ner_adv_plugin
from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data import row_cache
from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.cache_key import code_of, settings_of
from ner_adv_plugin.data.dataset_readers import ConllReader, DatasetReader, MsraReader, UnlabelledReader, WeiboReader
from ner_adv_plugin.data.encoded_rows import EncodedRows
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.row_cache import cache_folder
from ner_adv_plugin.data.vocabulary import Vocabulary

# The second row has an illegal tag, the last a byte that is not UTF-8.
CORPUS = "甲 B-PER\n乙 I-PER\n\n😀 O\n丙 I-LOC\n\n丁 O\n".encode() + b"\xff O\n"
SETTINGS: dict[str, Any] = {"encoding_errors": "surrogateescape", "type_map": {"LOC": "GPE", "ORG": None}}


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


@dataclass(kw_only=True)
class Counting(ConllReader):
    """Counts how often it reads a file itself."""

    readings: ClassVar[list[str]] = []

    def _read(self, file_path: str) -> Iterator[Instance]:
        self.readings.append(file_path)
        return super()._read(file_path)


def read(path: Path, **settings: Any) -> tuple[list[Instance], bool]:
    """The rows, and whether the file itself was read."""
    Counting.readings.clear()
    rows = list(Counting(**{**SETTINGS, **settings}).read(path))
    return rows, bool(Counting.readings)


def entries(folder: Path) -> list[Path]:
    """The files of the cache; nothing else may be there."""
    paths = sorted(folder.rglob("*")) if folder.is_dir() else []
    assert all(path.suffix == ".npz" for path in paths)
    return paths


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
    assert [(row.text, row.tags, row.dataset, row.metadata) for row in rows] == [
        ("甲乙", ["B-PER", "I-PER"], "names", {"line": 1}),
        ("😀丙", ["O", "B-GPE"], "names", {"line": 4}),
        ("丁\udcff", ["O", "O"], "names", {"line": 7}),
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
        encoded = EncodedRows("a", rows, vocab, CharacterAlphabet(characters, 1))
        assert encoded.token_ids is not None and encoded.tags is not None
        arrays.append([encoded.token_ids, encoded.tags, encoded.lengths, encoded.labels, sorted(characters)])
        # Of another encoder other indices, from the same entry.
        other = EncodedRows("a", rows, vocab, CharacterAlphabet({"甲": 7}, 0))
        assert other.token_ids is not None and other.token_ids.tolist() == [7, 0, 0, 0, 0, 0]
    for one, two in zip(*arrays, strict=True):
        assert np.array_equal(one, two)


def test_a_file_that_changed_or_was_touched_is_read_again(folder: Path, corpus: Path) -> None:
    first, _ = read(corpus)
    assert read(corpus) == (first, False)
    os.utime(corpus, ns=(1, 1))
    assert read(corpus) == (first, True)
    corpus.write_bytes(CORPUS.replace("甲".encode(), "申".encode()))
    os.utime(corpus, ns=(1, 1))  # size and time are as before
    rows, again = read(corpus)
    assert again and rows[0].text == "申乙"
    assert read(corpus) == (rows, False)
    corpus.write_bytes(CORPUS[: CORPUS.index(b"\n\n") + 1])
    rows, again = read(corpus)
    assert again and len(rows) == 1
    # There is one entry for a file as it is read, whatever became of it.
    assert len(entries(folder)) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"max_instances": 2},
        {"training_scheme": "BIOES"},
        {"type_map": {"LOC": None}},
        {"encoding_errors": "replace"},
        {"tag_scheme": "IOB1"},
        {"separator": " "},
        {"head": "other"},
    ],
)
def test_other_settings_read_again(folder: Path, corpus: Path, settings: dict[str, Any]) -> None:
    first, _ = read(corpus)
    rows, again = read(corpus, **settings)
    assert again and read(corpus, **settings) == (rows, False) and read(corpus) == (first, False)
    assert len(entries(folder)) == 2


def test_another_reader_or_version_reads_again(folder: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(corpus)
    ConllReader(**SETTINGS).read(corpus)
    assert read(corpus)[1] is False and len(entries(folder)) == 2
    monkeypatch.setattr(ner_adv_plugin, "__version__", "another")
    assert read(corpus)[1] is True and read(corpus)[1] is False


def test_errors_are_not_cached(folder: Path, corpus: Path) -> None:
    for _ in range(2):
        with pytest.raises(DataError, match="expected UTF-8 text"):
            read(corpus, encoding_errors="strict")
        with pytest.raises(DataError, match="may follow 'O'"):
            read(corpus, illegal_tags="error")
    assert entries(folder) == []
    read(corpus)
    corpus.unlink()
    with pytest.raises(DataError, match="no such file"):
        read(corpus)


PLUGIN = """
from dataclasses import dataclass
from mine_for_cache.words import TAG
from ner_adv_plugin.data import DatasetReader, Instance

@dataclass(kw_only=True)
class Mine(DatasetReader):
    def _read(self, file_path):
        yield Instance("甲", [TAG], metadata={"tags": METADATA})
"""


def test_a_plugin_whose_code_changes(folder: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tag stands in another module of the plugin's package than the reader."""
    package = corpus.parent / "mine_for_cache"
    package.mkdir()
    monkeypatch.syspath_prepend(str(corpus.parent))
    for tag, metadata in (("O", "[1]"), ("B-X", "[1]"), ("B-X", "(1,)"), ("B-X", "{1}")):
        (package / "__init__.py").write_text("")
        (package / "words.py").write_text(f"TAG = {tag!r}")
        (package / "reader.py").write_text(PLUGIN.replace("METADATA", metadata))
        for name in [name for name in sys.modules if name.startswith("mine_for_cache")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        reader = importlib.import_module("mine_for_cache.reader").Mine()
        sys.dont_write_bytecode = before
        for _ in range(2):
            (row,) = reader.read(corpus)
            assert row.tags == [tag] and row.metadata == {"tags": eval(metadata)}
    # A tuple and a set are not what JSON gives back: what they stand in is not cached, the entry before stays.
    assert len(entries(folder)) == 1


@dataclass(kw_only=True)
class Keeping(Counting):
    """Keeps something of a reading for itself."""

    longest: int = 0

    def _read(self, file_path: str) -> Iterator[Instance]:
        for instance in super()._read(file_path):
            self.longest = max(self.longest, len(instance))
            yield instance


class Callable(Counting):
    """Has a setting that is not plain."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check = str.isalnum


class Fresh(Counting):
    """Reads what is not in the file."""

    cacheable: ClassVar[bool] = False


@pytest.mark.parametrize("reader", [Keeping, Callable, Fresh])
def test_readers_that_are_not_cached(folder: Path, corpus: Path, reader: type[Counting]) -> None:
    for _ in range(2):
        Counting.readings.clear()
        made = reader(**SETTINGS)
        assert len(made.read(corpus)) == 3 and Counting.readings
        assert not isinstance(made, Keeping) or made.longest == 2
    assert entries(folder) == []


def test_a_class_without_a_file_is_not_cached() -> None:
    namespace: dict[str, Any] = {"__name__": "no_such_module", "DatasetReader": DatasetReader}
    exec("class Mine(DatasetReader): pass", namespace)
    assert code_of(namespace["Mine"]) is None
    assert code_of(MsraReader) == code_of(WeiboReader) is not None


def test_settings_tell_readers_apart() -> None:
    readers = [MsraReader(), MsraReader(max_instances=1), MsraReader(type_map={"A": None}), ConllReader(separator="\t")]
    assert len({settings_of(reader) for reader in readers}) == 4
    used = MsraReader()
    used.repaired["file"], used.illegal_rows["file"] = 1, {1: 1}
    used.types_met.add("PER")
    assert settings_of(used) == settings_of(MsraReader())


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
        ("tags", lambda array: array + 100),
        ("tags", lambda array: array[:-1]),
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
        "import ner_adv_plugin.data.row_cache as cache; cache.SMALLEST_FILE = 0\n"
        "from ner_adv_plugin.data.dataset_readers import ConllReader\n"
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
    assert list(tables[0].texts()) == list(tables[1].texts()) and one.labels == two.labels
    for name in ("lines", "tags", "tag_lengths"):
        left, right = getattr(one, name), getattr(two, name)
        assert left.dtype == right.dtype and np.array_equal(left, right)
    # Of a character its two bytes of tag and three or fewer of UTF-8, of a row three numbers of four bytes.
    assert entries(tmp_path)[0].stat().st_size < 5 * len(one.tags) + 12 * 45000 + 10_000
