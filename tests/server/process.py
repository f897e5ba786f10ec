"""A server in a process of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tiny import ROOT


@dataclass
class Server:
    """A running server.

    # Parameters

    process : its process; stderr goes to `log`.
    url : its URL.
    log : file of its log.
    """

    process: subprocess.Popen[str]
    url: str
    log: Path


@contextlib.contextmanager
def server_of(archive: Path, log: Path, *flags: str) -> Iterator[Server]:
    """Start `allennlp serve` on a free port; kill it at the end if it still runs."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ner_adv_plugin", "serve", f"tiny={archive}", "--port", "0"]
    with (
        open(log, "w", encoding="utf-8") as file,
        subprocess.Popen(
            [*command, *flags], stdout=subprocess.PIPE, stderr=file, text=True, env=environment
        ) as process,
    ):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), log.read_text(encoding="utf-8")
            yield Server(process, url, log)
        finally:
            process.kill()
