"""What a run has cost, over all processes that have trained it."""

import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ner_adv_plugin.common.files import write_json

SPENT = "spent.json"


@dataclass(frozen=True)
class Spent:
    """A cost.

    # Parameters

    seconds : of a clock.
    cpu_seconds : of all CPUs together; other processes beside a run do not change it much.

    # Examples

    >>> Spent(3.0, 5.0) - Spent(1.0, 2.0)
    Spent(seconds=2.0, cpu_seconds=3.0)
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds)

    @classmethod
    def now(cls) -> "Spent":
        """Return what this process has cost, from an unknown moment of the clock on."""
        return cls(time.monotonic(), time.process_time())

    @classmethod
    def read(cls, folder: Path) -> "Spent":
        """Return the cost that a folder notes; none if it notes nothing."""
        path = folder / SPENT
        return cls(**json.loads(path.read_text("utf-8"))) if path.is_file() else cls()

    def write(self, folder: Path) -> None:
        """Note the cost in a folder."""
        write_json(folder / SPENT, asdict(self))


class Clock:
    """Adds what this process costs to what a folder notes.

    # Parameters

    folder : of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before = Spent.read(folder)
        self._started = Spent.now()
        # A thread may note the cost now and then.
        self._noting = threading.Lock()

    def spent(self) -> Spent:
        """Return the cost so far."""
        return self._before + (Spent.now() - self._started)

    def add(self, cost: Spent) -> None:
        """Add a cost from elsewhere, and note it, so that a run that is resumed has it, too."""
        self._before += cost
        self.note()

    def note(self) -> None:
        """Write the cost so far."""
        with self._noting:
            self.spent().write(self.folder)
