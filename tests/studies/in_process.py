"""Runs of a study in this process, where a test is not about processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from ner_adv_plugin.studies.executors import LocalExecutor
from ner_adv_plugin.studies.worker import train


class Trained:
    """Handle of a run that has ended."""

    def finished(self) -> bool:
        return True

    def stop(self) -> None:
        pass

    def kill(self) -> None:
        pass


@contextmanager
def in_this_process() -> Iterator[None]:
    """A context in which the local executor trains a run before it returns."""

    def launch(self: LocalExecutor, folder: Path, packages: Sequence[str]) -> Trained:
        train(folder)
        return Trained()

    with mock.patch.object(LocalExecutor, "launch", launch):
        yield
