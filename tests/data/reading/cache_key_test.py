"""What an entry belongs to: the content of a file, the settings and the code of a reader."""

import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

import ner_adv_plugin
from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import ConllReader, DatasetReader, MsraReader, WeiboReader
from ner_adv_plugin.data.reading.cache_key import code_of, settings_of
from tests.data.reading.caching import CORPUS, SETTINGS, Counting, entries, read


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
        {"overlaps": "first"},
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
from mine_for_cache.words import TYPE
from ner_adv_plugin.data import DatasetReader, Instance
from ner_adv_plugin.data.labels.spans import Span

@dataclass(kw_only=True)
class Mine(DatasetReader):
    def _read(self, file_path):
        yield Instance("甲", [Span(0, 1, TYPE)], metadata={"about": METADATA})
"""


def test_a_plugin_whose_code_changes(folder: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The type stands in another module of the plugin's package than the reader."""
    package = corpus.parent / "mine_for_cache"
    package.mkdir()
    monkeypatch.syspath_prepend(str(corpus.parent))
    for name, metadata in (("X", "[1]"), ("Y", "[1]"), ("Y", "(1,)"), ("Y", "{1}")):
        (package / "__init__.py").write_text("")
        (package / "words.py").write_text(f"TYPE = {name!r}")
        (package / "reader.py").write_text(PLUGIN.replace("METADATA", metadata))
        for module in [module for module in sys.modules if module.startswith("mine_for_cache")]:
            del sys.modules[module]
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        reader = importlib.import_module("mine_for_cache.reader").Mine()
        sys.dont_write_bytecode = before
        for _ in range(2):
            (row,) = reader.read(corpus)
            assert row.spans == [(0, 1, name)] and row.metadata == {"about": eval(metadata)}
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
