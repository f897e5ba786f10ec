"""A cache of corpora that were read before, as files of a folder."""

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.array_files import PARTIAL, read_arrays, write_arrays
from ner_adv_plugin.common.digests import file_digest
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.reading.dataset_reader import DatasetReader
from ner_adv_plugin.data.reading.instance_table import Columns, InstanceTable
from ner_adv_plugin.data.reading.stored_tables import (
    PACKAGE,
    collected_messages,
    columns_of,
    restore,
    stored,
)

logger = logging.getLogger(__name__)

SUFFIX = ".arrays"
# Bytes of all files of a folder; those unused for longest are removed.
LIMIT = 20 * 2**30
# Files of writers that were killed are removed after an hour.
_ABANDONED = 3600


class CorpusCache:
    """Reads corpora, or takes them from a folder if they were read before.

    A corpus is the same if its content and path, the settings of its reader and the code that reads
    it are. Readers outside of this package are not cached, nor are corpora without labels and
    streamed ones. What was logged while a corpus was read is logged again. Several processes may
    share a folder.

    # Parameters

    folder : the folder; it is created if missing.
    limit : maximum number of bytes of its files; those unused for longest are removed.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        # The key of each table that was read, by the identity of its columns, which it keeps alive.
        self._keys: dict[int, tuple[str, Columns]] = {}

    def read(self, reader: DatasetReader, path: str) -> InstanceTable:
        """Do what `reader.read` does.

        # Parameters

        reader, path : the reader, and the path or URL of a file.
        """
        key = self._key_of_file(reader, path)
        if key is None:
            return reader.read(path)

        found = self._load(key)
        if found is not None:
            columns = columns_of(*found, path)
            restore(reader, path, found[1])
            self._keys[id(columns)] = (key, columns)
            return InstanceTable(columns, getattr(reader, "dataset", ""))

        with collected_messages() as messages:
            table = reader.read(path)
        content = stored(reader, path, table, messages)
        # The file may have changed while it was read.
        if content is not None and self._key_of_file(reader, path) == key:
            self._store(key, *content)
            self._keys[id(table.columns)] = (key, table.columns)
        return table

    def leaks(
        self,
        table: InstanceTable,
        held_out: Sequence[InstanceTable],
        find: Callable[[], NDArray[np.bool_]],
    ) -> NDArray[np.bool_]:
        """Return which sentences of a table leak, or take it from the folder.

        # Parameters

        table : training sentences.
        held_out : the tables that they may contain sentences of.
        find : finds the leaks, as one Boolean for each sentence.
        """
        tables = [table, *held_out]
        keys = [self._keys.get(id(own.columns), ("", None))[0] for own in tables]
        if not all(keys) or not all(own.is_whole for own in tables):
            return find()

        key = _digest(["leaks", _code(), keys[0], sorted(keys[1:])])
        found = self._load(key)
        if found is not None and found[0]["leaks"].shape == (len(table),):
            return found[0]["leaks"].astype(bool)
        leaks = find()
        self._store(key, {"leaks": leaks.astype(np.uint8)}, None)
        return leaks

    def _key_of_file(self, reader: DatasetReader, path: str) -> str | None:
        """Return the key of a file that is read by a reader; None if it is not cached."""
        settings = _settings(reader) if reader.cacheable else None
        if settings is None:
            return None
        try:
            content = file_digest(local_path(path))
        except OSError:
            # The reader says what is wrong.
            return None
        return _digest(["table", _code(), settings, str(path), content])

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _load(self, key: str) -> tuple[dict[str, NDArray[Any]], Any] | None:
        path = self._path(key)
        try:
            found = read_arrays(path)
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logger.warning("%s: not used, as it is damaged: %s", path, error)
            return None
        logger.info("%s: taken from the cache", path)
        return found

    def _store(self, key: str, arrays: dict[str, NDArray[Any]], meta: Any) -> None:
        path = self._path(key)
        try:
            write_arrays(path, arrays, meta)
            self._prune(path)
        except OSError as error:
            logger.warning("%s: not cached: %s", path, error)

    def _prune(self, newest: Path) -> None:
        """Remove abandoned files, and those unused for longest beyond the limit."""
        for partial in self.folder.glob(f"*{PARTIAL}"):
            with contextlib.suppress(OSError):
                if time.time() - partial.stat().st_mtime > _ABANDONED:
                    partial.unlink()

        # Other processes may remove files at the same time.
        files: list[tuple[float, int, Path]] = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        total = 0
        for _, size, path in sorted(files, reverse=True):
            total += size
            if total > self.limit and path != newest:
                with contextlib.suppress(OSError):
                    path.unlink()


def _settings(value: Any) -> Any:
    """Return the settings of a reader as a JSON value; None if they cannot be compared."""
    try:
        return _as_json(value)
    except TypeError:
        return None


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, dict):
        return [[_as_json(key), _as_json(item)] for key, item in value.items()]
    own = type(value)
    if is_dataclass(value) and own.__module__.partition(".")[0] == PACKAGE:
        # Normalisers apply after reading.
        names = [one.name for one in fields(value) if one.init and one.name != "normalisers"]
        settings = [[name, _as_json(getattr(value, name))] for name in names]
        return [f"{own.__module__}.{own.__qualname__}", settings]
    raise TypeError(f"no settings: {value!r}")


@cache
def _code() -> str:
    """Return the digest of the code that reads corpora, so that a changed reader reads again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode("ascii")).hexdigest()
