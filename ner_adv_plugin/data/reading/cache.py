"""A cache of what readers read: a second run starts from arrays instead of text.

An entry is one `.npz` file without pickled objects, named after the path, the reader's class and its settings. It holds
a stamp of the file (content and time of change) and of the code (every Python file of the packages that the reader's
classes are of): where that is another now, or the entry is damaged, the file is read again and the entry replaced.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import ner_adv_plugin
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import local_path, write_file
from ner_adv_plugin.data.labels.spans import SpanTable
from ner_adv_plugin.data.reading.cache_key import code_of, settings_of
from ner_adv_plugin.data.reading.instance_table import Columns, InstanceTable
from ner_adv_plugin.data.reading.texts import HeldTexts

if TYPE_CHECKING:
    from ner_adv_plugin.data.reading import DatasetReader

logger = logging.getLogger(__name__)

# A smaller file is read in a tenth of a second.
SMALLEST_FILE = 1 << 20
# Bytes of all entries; the ones that were not used for longest make room.
LARGEST_CACHE = 1 << 31
SECONDS_OF_LEFTOVERS = 86_400
# What a reader counts by file.
_FINDINGS = ("repaired", "illegal_rows")
# Half a surrogate pair is a character, too.
_CODEC = ("utf-8", "surrogatepass")
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile, zlib.error)


def cache_folder() -> Path | None:
    """Where entries are: `NER_CACHE`, by default `ner_adv_plugin` in the user's cache; None where it is empty."""
    named = os.environ.get("NER_CACHE")
    if named is not None:
        return Path(named).expanduser() if named else None
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "ner_adv_plugin"
    except RuntimeError:  # there is no home
        return None


def cached(reader: "DatasetReader", file_path: str, read: Callable[[], InstanceTable]) -> InstanceTable:
    """What `read` gives, from the cache where it is there; warnings of the first reading are said again.

    # Parameters

    reader : whose rows they are; what it counts by file is filled in, too.
    file_path : a path or a URL, as the reader was given it.
    read : reads the file.
    """
    entry = _entry(reader, file_path)
    if entry is None:
        return read()
    if (rows := entry.load(reader)) is not None:
        return rows
    # What a logger does not take cannot be said again.
    hears = logging.getLogger(ner_adv_plugin.__name__).isEnabledFor(logging.WARNING)
    with _warnings() as said:
        rows = read()
    # A reader that changed on the way keeps things that the entry would not bring back.
    if hears and settings_of(reader) == entry.settings:
        entry.store(reader, rows, said)
    return rows


@dataclass(frozen=True)
class _Entry:
    """The place of what one reader, as it is set, reads of one file.

    # Parameters

    path : of the entry.
    file_path : of the corpus, as the reader was given it.
    stamp : of the corpus and the code as they are now.
    settings : of the reader, before it reads.
    """

    path: Path
    file_path: str
    stamp: str
    settings: str

    def load(self, reader: "DatasetReader") -> InstanceTable | None:
        """The rows; None where there is no entry, or none of now."""
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                if about["stamp"] != self.stamp:
                    return None
                rows = InstanceTable(_columns({name: arrays[name] for name in arrays.files}, about))
            found = {name: about["findings"][name] for name in _FINDINGS}
            said = [(str(name), int(level), str(message)) for name, level, message in about["said"]]
        except FileNotFoundError:
            return None
        except _DAMAGE as error:
            logger.warning("%s: damaged, %s is read again (%s)", self.path, self.file_path, error)
            return None
        with contextlib.suppress(OSError):
            os.utime(self.path)
        if found["repaired"] is not None:
            reader.repaired[self.file_path] = found["repaired"]
        if found["illegal_rows"] is not None:
            reader.illegal_rows[self.file_path] = {line: count for line, count in found["illegal_rows"]}
        for name, level, message in said:
            logging.getLogger(name).log(level, "%s", message)
        return rows

    def store(self, reader: "DatasetReader", rows: InstanceTable, said: list[tuple[str, int, str]]) -> None:
        """Write the entry, where its rows are such as an entry can hold; a disk that does not take it is said."""
        known = rows.columns
        spans = known.spans
        if not isinstance(known.texts, HeldTexts) or spans is None or not rows.whole:
            return
        metadata = [[row, others] for row, others in (known.metadata or {}).items()]
        illegal = reader.illegal_rows.get(self.file_path)
        about = {
            "stamp": self.stamp,
            "source": known.source,
            "types": list(spans.types),
            "metadata": metadata,
            "findings": {
                "repaired": reader.repaired.get(self.file_path),
                "illegal_rows": None if illegal is None else [list(pair) for pair in illegal.items()],
            },
            "said": said,
        }
        try:
            text = json.dumps(about)
        except (TypeError, ValueError):
            return
        if json.loads(text)["metadata"] != metadata:
            return
        arrays: dict[str, NDArray[Any]] = {
            "about": np.frombuffer(text.encode("ascii"), np.uint8),
            "text": np.frombuffer(known.texts.text.encode(*_CODEC), np.uint8),
            "lengths": known.texts.lengths,
            "lines": known.lines,
            "starts": spans.starts_S,
            "ends": spans.ends_S,
            "span_types": spans.types_S,
            "counts": spans.counts_R,
        }
        self._write(arrays)

    def _write(self, arrays: dict[str, NDArray[Any]]) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # In a folder of its own, for another process may be writing the same entry.
            with tempfile.TemporaryDirectory(prefix=".", dir=folder) as own:
                aside = Path(own) / self.path.name
                write_file(aside, lambda path: _save(path, arrays))
                os.replace(aside, self.path)
            _make_room(folder)
        except (OSError, UserError) as error:
            logger.warning("%s is not cached: %s; NER_CACHE names another folder, or none", self.file_path, error)


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _columns(arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> Columns:
    """The columns of an entry; raises one of `_DAMAGE` where they do not fit one another."""
    texts = HeldTexts(arrays["text"].tobytes().decode(*_CODEC), arrays["lengths"])
    spans = SpanTable(
        types=[str(name) for name in about["types"]],
        starts_S=arrays["starts"],
        ends_S=arrays["ends"],
        types_S=arrays["span_types"],
        counts_R=arrays["counts"],
    )
    if not (
        len(texts) == len(arrays["lines"]) == len(spans)
        and texts.lengths.sum(dtype=np.int64) == len(texts.text)
        and spans.offsets[-1] == len(spans.starts_S) == len(spans.ends_S) == len(spans.types_S)
        and (not len(spans.types_S) or 0 <= spans.types_S.min() <= spans.types_S.max() < len(spans.types))
        and (spans.starts_S >= 0).all()
        and (spans.starts_S < spans.ends_S).all()
        and (spans.ends_S <= texts.lengths[spans.sentences_S]).all()
    ):
        raise ValueError("its arrays do not fit one another")
    return Columns(
        texts=texts,
        lines=arrays["lines"],
        spans=spans,
        metadata={int(row): dict(others) for row, others in about["metadata"]},
        source=about["source"],
    )


def _make_room(folder: Path) -> None:
    """Remove the entries that were not used for longest, where all are too many bytes, and what a kill left."""
    entries = []
    for path in folder.iterdir():
        # Another process may remove it, too.
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if path.suffix == ".npz":
                entries.append((status.st_mtime_ns, status.st_size, path))
            elif path.name.startswith(".") and time.time() - status.st_mtime > SECONDS_OF_LEFTOVERS:
                shutil.rmtree(path, ignore_errors=True)
    total = 0
    for _, size, path in sorted(entries, reverse=True):
        total += size
        if total > LARGEST_CACHE:
            path.unlink(missing_ok=True)


def _entry(reader: "DatasetReader", file_path: str) -> _Entry | None:
    """The entry of a reader and a file; None where it is not to be cached, or cannot be kept apart from others."""
    folder = cache_folder()
    if folder is None or not reader.cacheable:
        return None
    path = local_path(file_path)
    status = path.stat()
    settings = settings_of(reader)
    code = code_of(type(reader))
    if status.st_size < SMALLEST_FILE or settings is None or code is None:
        return None
    # The name as it was given stands in messages.
    name = hashlib.sha256("\n".join([os.path.abspath(path), file_path, settings]).encode(*_CODEC)).hexdigest()
    with open(path, "rb") as file:
        # Reading all of it takes hundredths of a second, and time and size alone may stay the same.
        content = hashlib.file_digest(file, "sha256").hexdigest()
    stamp = f"{ner_adv_plugin.__version__} {code} {status.st_mtime_ns} {content}"
    return _Entry(folder / f"{name}.npz", file_path, stamp, settings)


class _Listener(logging.Handler):
    """Keeps the warnings of the thread that made it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[tuple[str, int, str]] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        if record.thread == self._thread:
            self.said.append((record.name, record.levelno, record.getMessage()))


@contextlib.contextmanager
def _warnings() -> Iterator[list[tuple[str, int, str]]]:
    """What is logged as a warning or worse meanwhile: logger, level and message."""
    listener = _Listener()
    root = logging.getLogger()
    root.addHandler(listener)
    try:
        yield listener.said
    finally:
        root.removeHandler(listener)
