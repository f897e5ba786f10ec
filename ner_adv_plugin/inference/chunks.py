"""Prediction in chunks: shared by processes and machines, and resumed after any kill.

The inputs are cut into chunks of equal size. Each process predicts the chunks of its rank that have
no file yet, and writes each to a file of its own. The process that writes the last one assembles
the output. Processes do not talk to each other but through these files, so that none waits for
another, or for one that was killed.
"""

import contextlib
import fcntl
import json
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ner_adv_plugin import __version__
from ner_adv_plugin.common.digests import file_digest
from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.files import is_url, write_file, write_json
from ner_adv_plugin.inference.inputs import InputLine

logger = logging.getLogger(__name__)

MANIFEST, LOCK = "manifest.json", "lock"
# Files that tell one run from another; `best.th` changes with its weights.
OF_A_RUN = ("config.json", "best.th")
Answer = dict[str, Any]


class Chunks:
    """The folder `<output>.parts`: a manifest, and a file for each chunk that is done.

    # Parameters

    output : the file to write in the end.
    size : number of inputs in a chunk.
    settings : what the answers depend on, such as flags; values that JSON can hold.
    files : files, folders and URLs that the answers depend on, by what they are: "input", "model"
        and so on.
    rank, processes : index of this process, and number of processes; chunk k is of the process
        `k % processes`. They may change when a prediction is resumed.
    """

    def __init__(
        self,
        output: Path,
        size: int,
        settings: Mapping[str, Any],
        files: Mapping[str, str],
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.output = output
        self.folder = output.with_name(f"{output.name}.parts")
        self.size = size
        own = {"version": __version__, "chunk_size": size, **settings}
        self.settings: dict[str, Any] = json.loads(json.dumps(own))
        self.files = files
        self.rank = rank
        self.processes = processes

    def is_complete(self) -> bool:
        """Return whether the output has been assembled already.

        # Raises

        UserError : the folder belongs to a prediction with other inputs, model or settings.
        """
        known = self._known()
        if known is not None:
            self._check(known)
        return known is not None and bool(known.get("complete")) and self.output.exists()

    def open(self) -> None:
        """Make the folder with its manifest, unless it is there.

        # Raises

        UserError : it belongs to another prediction, or cannot be written.
        """
        own = {"settings": self.settings, "files": {k: _identity(v) for k, v in self.files.items()}}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write {self.folder}: {error}") from error
        with self._locked():
            known = self._known()
            if known is None:
                write_json(self.folder / MANIFEST, own)
            else:
                self._check(known)

    def predict(
        self,
        lines: Iterable[InputLine],
        answers: Callable[[Iterator[InputLine]], Iterable[Answer]],
        as_lines: Callable[[Iterable[Answer]], Iterable[str]],
    ) -> int:
        """Predict the chunks of this process that have no file yet.

        # Parameters

        lines : all inputs, in order; those of other chunks are read and dropped.
        answers : returns the answers to the inputs of a chunk, in order.
        as_lines : returns answers as lines of JSON.

        # Returns

        The number of chunks that the inputs have, of all processes.
        """
        rest = iter(lines)
        index = 0
        while first := list(islice(rest, 1)):
            chunk = [*first, *islice(rest, self.size - 1)]
            if index % self.processes == self.rank and not self._part(index).is_file():
                if self.is_complete():
                    # Another process has assembled the output of an earlier start meanwhile.
                    return index
                self._write(index, as_lines(answers(iter(chunk))))
                logger.info("chunk %d: %d inputs", index + 1, len(chunk))
            index += 1
        return index

    @contextlib.contextmanager
    def assembled(self, count: int) -> Iterator[Iterator[Answer] | None]:
        """Yield the answers of all chunks, in order, to be written to the output in the block.

        After it, the files of the chunks are removed. Yields None if chunks of other processes are
        missing, or if another process has assembled the output.

        # Parameters

        count : number of chunks, from `predict`.
        """
        if self.is_complete():
            yield None
            return
        missing = [index for index in range(count) if not self._part(index).is_file()]
        if missing:
            message = "%d of %d chunks are not done: who writes the last one writes %s"
            logger.info(message, len(missing), count, self.output)
            yield None
            return

        with self._locked():
            if self.is_complete():
                yield None
                return
            known = self._known() or {}
            yield self._answers(count)
            write_json(self.folder / MANIFEST, {**known, "complete": True})
            # Files of chunks are named by digits; hidden ones are of processes that were killed.
            for path in [*self.folder.glob("[0-9]*.jsonl"), *self.folder.glob(".*.jsonl*")]:
                path.unlink(missing_ok=True)

    def _part(self, index: int) -> Path:
        return self.folder / f"{index:08d}.jsonl"

    def _write(self, index: int, lines: Iterable[str]) -> None:
        """Write the file of a chunk, whole or not at all.

        A process of a killed launcher may still be writing the same chunk, so each has files of its
        own until they are renamed.
        """

        def write(path: Path) -> None:
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{line}\n" for line in lines)

        own = self.folder / f".{index:08d}-{socket.gethostname()}-{os.getpid()}.jsonl"
        write_file(own, write)
        os.replace(own, self._part(index))

    def _answers(self, count: int) -> Iterator[Answer]:
        for index in range(count):
            with open(self._part(index), encoding="utf-8", newline="\n") as file:
                for line in file:
                    yield json.loads(line)

    def _known(self) -> dict[str, Any] | None:
        """Read the manifest; None without one."""
        path = self.folder / MANIFEST
        if not path.is_file():
            return None
        try:
            known: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise UserError(f"{path} is not valid JSON: {error}") from error
        return known

    def _check(self, known: Mapping[str, Any]) -> None:
        """Check that the folder belongs to this prediction."""
        again = f"Remove {self.folder} to predict all again."
        recorded = known["settings"]
        for key in (*recorded, *(key for key in self.settings if key not in recorded)):
            old, new = recorded.get(key), self.settings.get(key)
            if old != new:
                raise UserError(
                    f"{self.folder} belongs to a prediction with {key} {old!r}, now it is {new!r}."
                    f" {again}"
                )
        for name in dict.fromkeys([*known["files"], *self.files]):
            path = self.files.get(name)
            if path is None:
                difference = f"with a {name}, now there is none"
            elif name not in known["files"]:
                difference = f"without a {name}, now it is {path}"
            elif _is_same(known["files"][name], path):
                continue
            else:
                difference = f"with another {name}: the content of {path} has changed"
            raise UserError(f"{self.folder} belongs to a prediction {difference}. {again}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the folder, which processes on other machines respect as well."""
        with (self.folder / LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _identity(path: str) -> dict[str, Any]:
    """Return what tells the content of a file, or the folder of a run, from another one."""
    if is_url(path):
        return {"url": path}
    files = _files_of(Path(path))
    if not files:
        raise DataError(path, None, "no such file", "a file that can be read again")
    return {str(file): {**_stamp(file), "sha256": file_digest(file)} for file in files}


def _is_same(known: Mapping[str, Any], path: str) -> bool:
    """Return whether a path has the content that was recorded.

    A file with the same size and time is not read again: inputs may be large.
    """
    if is_url(path):
        return known == {"url": path}
    files = _files_of(Path(path))
    if len(files) != len(known):
        return False
    return all(
        _stamp(file) == {key: own[key] for key in ("size", "time")}
        or file_digest(file) == own["sha256"]
        for file, own in zip(files, known.values(), strict=True)
    )


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.is_file() else []
    found = [path / name for name in OF_A_RUN if (path / name).is_file()]
    return found or sorted(file for file in path.rglob("*") if file.is_file())


def _stamp(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "time": status.st_mtime_ns}
