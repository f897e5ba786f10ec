"""A local HTTP server, and a separate cache for downloads."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder with ETags; responses below `/broken/` are truncated."""

    def send_response(self, code: int, message: str | None = None) -> None:
        super().send_response(code, message)
        file = Path(self.translate_path(self.path))
        if code == 200 and file.is_file():
            self.send_header("ETag", hashlib.sha256(file.read_bytes()).hexdigest())

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        if self.path.startswith("/broken/"):
            content = content[: len(content) // 2]
            self.close_connection = True
        outputfile.write(content)

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """The server; `asked` lists the requested paths."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), lambda *args: _Handler(*args, directory=str(folder)))
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """The URL of the folder."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder while the context is open."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def use_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use this folder as cache, no proxy, and retries without delay."""
    monkeypatch.setattr("cached_path.common.CACHE_DIRECTORY", folder)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("urllib3.util.retry.Retry.get_backoff_time", lambda retry: 0)
