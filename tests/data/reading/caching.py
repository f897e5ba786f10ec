"""A corpus that warns, and a reader that counts how often it reads a file itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading import ConllReader

# The second row has an illegal tag, the last a byte that is not UTF-8.
CORPUS = "甲 B-PER\n乙 I-PER\n\n😀 O\n丙 I-LOC\n\n丁 O\n".encode() + b"\xff O\n"
SETTINGS: dict[str, Any] = {"encoding_errors": "surrogateescape", "type_map": {"LOC": "GPE", "ORG": None}}


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
