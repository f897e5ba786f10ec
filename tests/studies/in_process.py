"""Train the runs of a study in the process of the test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from ner_adv_plugin.studies.executors import LocalExecutor
from ner_adv_plugin.studies.worker import train


class Ended:
    """A run that has ended, or one that never does."""

    def __init__(self, ended: bool = True) -> None:
        self.ended, self.stopped, self.killed = ended, 0, 0

    def finished(self) -> bool:
        return self.ended

    def stop(self) -> None:
        self.stopped += 1

    def kill(self) -> None:
        self.killed += 1


@contextmanager
def in_this_process() -> Iterator[None]:
    """A context in which the local executor trains a run before it returns."""

    def launch(self: LocalExecutor, folder: Path, packages: Sequence[str]) -> Ended:
        train(folder)
        return Ended()

    with mock.patch.object(LocalExecutor, "launch", launch):
        yield
