"""ModelScope serves files and encoders; its HTTP interface is imitated on this machine."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.common.hubs.fetching import fetch_encoder
from ner_adv_plugin.modules.encoders.encoder_files import check_encoder, local_folder

pytest.importorskip("modelscope")


class Handler(BaseHTTPRequestHandler):
    """Lists and serves the files of one repository, by revision."""

    files: dict[str, dict[str, bytes]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        files = self.files.get(query.get("Revision", ""))
        if files is not None and url.path == "/api/v1/models/org/name/repo/files":
            listed = [
                {
                    "Path": name,
                    "Type": "blob",
                    "Size": len(content),
                    "Sha256": hashlib.sha256(content).hexdigest(),
                }
                for name, content in files.items()
            ]
            self.answer(200, {"Code": 200, "Success": True, "Data": {"Files": listed}})
        elif files is not None and url.path == "/api/v1/models/org/name/repo":
            self.answer(200, files[query["FilePath"]])
        else:
            message = "the model or revision does not exist"
            self.answer(404, {"Code": 10010205001, "Success": False, "Message": message})

    do_HEAD = do_GET

    def answer(self, status: int, value: Any) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def files(
    tmp_path: Path, fixture_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, dict[str, bytes]]]:
    """The files of `modelscope://org/name` by revision, served while the test runs."""
    encoder = {path.name: path.read_bytes() for path in fixture_encoder.iterdir()}
    held = {
        "master": {"model.tar.gz": b"one", "data/train.bio": b"text"},
        "v1": {**encoder, "tf_model.h5": b"0", "onnx/config.json": b"0"},
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"files": held}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    fetch_encoder.cache_clear()
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield held
    server.shutdown()
    thread.join()
    server.server_close()


def test_files_are_as_on_the_hub(files: dict[str, dict[str, bytes]]) -> None:
    assert local_path("modelscope://org/name").read_bytes() == b"one"
    assert local_path("modelscope://org/name/data/train.bio").read_bytes() == b"text"
    files["master"]["model.tar.gz"] = b"changed"
    assert local_path("modelscope://org/name").read_bytes() == b"changed"


def test_encoders_are_downloaded(files: object, fixture_encoder: Path) -> None:
    name = "modelscope://org/name@v1"
    check_encoder(name, name)
    found = sorted(path.name for path in Path(local_folder(name)).iterdir())
    assert found == sorted(path.name for path in fixture_encoder.iterdir())


def test_the_cache_serves_without_a_connection(
    files: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_path("modelscope://org/name")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert local_path("modelscope://org/name").read_bytes() == b"one"
    with pytest.raises(UserError, match="other: it is not in the cache .* HF_HUB_OFFLINE is set"):
        local_path("modelscope://org/other")


@pytest.mark.slow  # the library retries
def test_without_a_connection(
    files: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_path("modelscope://org/name")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    # Nothing listens on port 1.
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:1")
    assert local_path("modelscope://org/name").read_bytes() == b"one"
    with pytest.raises(UserError, match=r"127.0.0.1:1 did not answer .*set MODELSCOPE_ENDPOINT to"):
        local_path("modelscope://org/other")


def test_what_the_hub_does_not_have(files: object) -> None:
    with pytest.raises(UserError, match=r'does not give "model.tar.gz" of "org/other" .*E3020'):
        local_path("modelscope://org/other")
    with pytest.raises(UserError, match='the repository has no "none.bio"'):
        local_path("modelscope://org/name/none.bio")
    with pytest.raises(UserError, match='of "org/name" at "v9"'):
        local_path("modelscope://org/name@v9")
