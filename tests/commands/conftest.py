"""The command line, run in this process, whose state is restored."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ner_adv_plugin.commands import main
from ner_adv_plugin.common.progress import make_file_friendly
from tests.commands.small_run import small
from tests.tiny import write_config


@dataclass
class Result:
    """The exit status and output of a command."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Run]:
    """A function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*arguments: str | Path) -> Result:
        status = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as exit:
            status = int(exit.code or 0)
        written = capsys.readouterr()
        return Result(status, written.out, written.err)

    with warnings.catch_warnings():
        yield run
    logging.captureWarnings(False)
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    make_file_friendly(False)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Config file of a small run."""
    return write_config(tmp_path / "small.json", small())
