"""Sharing the CPUs of a machine between runs of this package.

The threads of one run wait for each other many times per training step. If two runs have as many
threads as there are CPUs each, every wait lasts until the scheduler happens to run the right
threads together. Each run of several threads is therefore confined to its own share of the CPUs
while others run, and its idle threads sleep. They also sleep while any other process keeps the CPUs
busy. The number of threads stays the same, and so do results, bit for bit.
"""

import contextlib
import fcntl
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.threads import Load, current_threads
from ner_adv_plugin.common.yielding import Yielding

logger = logging.getLogger(__name__)

# Seconds between looks at the other runs.
INTERVAL = 1.0
# By how many CPUs the load by other processes must exceed the CPUs that this process leaves free
# for idle threads to sleep, and to sleep on.
BUSY, STILL_BUSY = 0.5, 0.2


def share_of(index: int, runs: int, cpus: Sequence[int]) -> list[int]:
    """Return the CPUs of one of several runs.

    # Examples

    >>> share_of(0, 2, [0, 1, 2, 3]), share_of(1, 2, [0, 1, 2, 3])
    ([0, 1], [2, 3])
    >>> share_of(2, 3, [0, 1])
    [0]
    """
    if runs > len(cpus):
        return [cpus[index % len(cpus)]]
    return list(cpus[index * len(cpus) // runs : (index + 1) * len(cpus) // runs])


@contextlib.contextmanager
def sharing_cpus(folder: Path | None = None) -> Iterator[None]:
    """Confine this process to its share of the CPUs whenever other runs are in the same context.

    Runs of one user find each other by locked files in a temporary folder; the locks of a killed
    run are released by the system. Without such a folder nothing is confined.

    # Parameters

    folder : the folder; by default one of this user.
    """
    global _current
    try:
        _current = _Share(folder or _default_folder()) if hasattr(os, "sched_setaffinity") else None
    except OSError as error:
        logger.debug("CPUs are not shared: %s", error)
    try:
        yield
    finally:
        stop_sharing()


def stop_sharing() -> None:
    """End the sharing of this process, which only waits for processes that it starts."""
    global _current
    if _current is not None:
        _current.close()
    _current = None


_current: "_Share | None" = None


def _default_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"ner_adv_plugin-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise OSError(f"{folder} belongs to somebody else")
    return folder


class _Share:
    """The entry of this process in the folder of running processes.

    # Parameters

    folder : the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cpus = sorted(os.sched_getaffinity(0))
        self.confined_to = self.cpus
        self.stopped = threading.Event()
        self.load = Load(self.cpus)
        self.busy = False
        self.yielding = Yielding(len(self.cpus))

        self.name = f"{time.time_ns():020d}-{os.getpid()}-{threading.get_ident()}"
        # An entry is locked before others can see it: an unlocked entry belongs to a dead process.
        hidden = folder / f".{self.name}"
        self.file = open(hidden, "w", encoding="utf-8")  # noqa: SIM115
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self._write()
        hidden.rename(folder / self.name)
        self.thread = threading.Thread(target=self._watch, name="cpu-share", daemon=True)
        self.thread.start()

    def _write(self) -> None:
        self.threads = min(current_threads(), len(self.cpus))
        self.file.seek(0)
        self.file.write(json.dumps({"cpus": self.cpus, "threads": self.threads}))
        self.file.truncate()
        self.file.flush()

    def _watch(self) -> None:
        """Adjust the CPUs until `stopped`."""
        while True:
            if self.stopped.wait(INTERVAL):
                return
            self._measure()
            # An unreadable entry is looked at again next time.
            with contextlib.suppress(OSError, ValueError):
                self.adjust()
            self.yielding.switch(self.busy or self.confined_to != self.cpus)

    def _measure(self) -> None:
        """Measure the load by other processes, and say so when it begins."""
        load = self.load.measure()
        excess = load - (len(self.cpus) - self.threads)
        if not self.busy and excess >= BUSY:
            logger.info(
                "other processes keep %.1f of %d CPUs busy: this run is slower than alone, and its"
                " idle threads sleep",
                load,
                len(self.cpus),
            )
        self.busy = excess >= (STILL_BUSY if self.busy else BUSY)

    def adjust(self) -> None:
        """Confine this process if the runs on its CPUs have more threads than there are CPUs.

        A process with one thread waits for no other, so the system may move it to a free CPU.
        """
        if min(current_threads(), len(self.cpus)) != self.threads:
            self._write()
        entries = {
            name: entry for name, entry in self._entries().items() if entry["cpus"] == self.cpus
        }
        names = sorted({*entries, self.name})
        demand = self.threads + sum(
            entry["threads"] for name, entry in entries.items() if name != self.name
        )

        if self.threads == 1 or demand <= len(self.cpus):
            self._confine(self.cpus)
            return
        share = share_of(names.index(self.name), len(names), self.cpus)
        if self._confine(share):
            logger.info(
                "sharing the CPUs (other runs: %d): using %d of %d",
                len(names) - 1,
                len(share),
                len(self.cpus),
            )

    def _entries(self) -> dict[str, dict[str, Any]]:
        """Return the entries of others that are not suspended; remove those of dead processes."""
        entries = {}
        for path in self.folder.iterdir():
            if path.name in (self.name, f".{self.name}") or path.name.startswith("."):
                continue
            with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    if not _is_suspended(path.name.split("-")[1]):
                        entries[path.name] = json.load(file)
                else:
                    path.unlink()
        return entries

    def _confine(self, cpus: list[int]) -> bool:
        """Set the CPUs of all threads of this process; return whether they have changed."""
        if cpus == self.confined_to:
            return False

        for thread in os.listdir("/proc/self/task"):
            # A thread may have ended since.
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread), cpus)
        self.confined_to = cpus
        return True

    def close(self) -> None:
        """Leave the folder and use all CPUs again."""
        self.stopped.set()
        self.thread.join()
        self.yielding.switch(False)
        with contextlib.suppress(OSError):
            self._confine(self.cpus)
            (self.folder / self.name).unlink(missing_ok=True)
        self.file.close()


def _is_suspended(pid: str) -> bool:
    """Return whether a process is stopped, as by Ctrl-Z; False if the system does not tell."""
    try:
        stat = Path("/proc", pid, "stat").read_text("utf-8", errors="replace")
    except OSError:
        return False
    # The state stands behind the name of the program, which is in parentheses.
    return stat.rpartition(")")[2].split()[0] == "T"
