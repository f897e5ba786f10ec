"""A stand-in for the HTTP interface of the Hugging Face Hub on this machine.

It keeps repositories in memory and answers the requests of `huggingface_hub`: information, tree and
files of a revision with ETags, and creation, upload (also of large files) and commits.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

TOKEN = "hf_token_of_the_test"
REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"


class Repo:
    """A repository: its files by commit, and the commits of its branches."""

    def __init__(self, private: bool = False) -> None:
        self.private = private
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Add files to a branch; return the commit."""
        before = self.commits.get(self.branches.get(branch, ""), {})
        files = {**before, **files}
        content = "".join(
            f"{name}{hashlib.sha1(files[name]).hexdigest()}" for name in sorted(files)
        )
        sha = hashlib.sha1(f"{len(self.commits)}{content}".encode()).hexdigest()
        self.commits[sha] = files
        self.branches[branch] = sha
        return sha

    def sha(self, revision: str) -> str | None:
        """Return the commit of a branch or commit."""
        return self.branches.get(revision, revision if revision in self.commits else None)


class Hub(ThreadingHTTPServer):
    """The server; `asked` lists method and path of the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """The address to set HF_ENDPOINT to."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method.split():
                getattr(self, name)(**found.groupdict())
                return
        self.answer(404, {"error": f"no route {self.command} {path}"})

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def answer(self, status: int, value: Any = None, **headers: str) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def is_authorised(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def files(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return commit and files of a revision; otherwise answer that it does not exist."""
        held = self.server.repos.get(repo)
        if held is None or (held.private and not self.is_authorised()):
            self.answer(401, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
            return None
        sha = held.sha(revision)
        if sha is None:
            self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
            return None
        return sha, held.commits[sha]

    def info(self, repo: str, revision: str | None = None) -> None:
        if (found := self.files(repo, revision or "main")) is not None:
            sha, files = found
            siblings = [{"rfilename": name} for name in sorted(files)]
            self.answer(200, {"id": repo, "sha": sha, "siblings": siblings, "private": False})

    def tree(self, repo: str, revision: str) -> None:
        if (found := self.files(repo, revision)) is not None:
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": etag(content)}
                for name, content in sorted(found[1].items())
            ]
            self.answer(200, entries)

    def resolve(self, repo: str, revision: str, file: str) -> None:
        if (found := self.files(repo, revision)) is None:
            return
        sha, files = found
        if file not in files:
            self.answer(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
        else:
            self.answer(200, files[file], ETag=f'"{etag(files[file])}"', X_Repo_Commit=sha)

    def create(self) -> None:
        asked = json.loads(self.body)
        repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if not self.is_authorised():
            self.answer(401, {"error": "Invalid username or password."})
        elif repo in self.server.repos:
            url = f"{self.server.url}/{repo}"
            self.answer(409, {"error": "You already created this model repo", "url": url})
        else:
            private = asked.get("private") or asked.get("visibility") == "private"
            self.server.repos[repo] = Repo(bool(private))
            self.server.repos[repo].commit({".gitattributes": b""})
            self.answer(200, {"url": f"{self.server.url}/{repo}"})

    def branch(self, repo: str, branch: str) -> None:
        held = self.server.repos[repo]
        if branch in held.branches:
            self.answer(409, {"error": "Reference already exists"})
        else:
            held.branches[branch] = held.branches["main"]
            self.answer(200, {})

    def preupload(self, repo: str, revision: str) -> None:
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".gz") else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(self.body)["files"]
        ]
        self.answer(200, {"files": modes})

    def batch(self, repo: str) -> None:
        objects = [
            {
                "oid": item["oid"],
                "size": item["size"],
                "actions": {"upload": {"href": f"{self.server.url}/large/{item['oid']}"}},
            }
            for item in json.loads(self.body)["objects"]
        ]
        self.answer(200, {"transfer": "basic", "objects": objects})

    def large(self, oid: str) -> None:
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.server.large[oid] = self.body
        self.answer(200, b"")

    def commit(self, repo: str, revision: str) -> None:
        if not self.is_authorised():
            self.answer(403, {"error": "You do not have write access"})
            return
        files = {}
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        sha = self.server.repos[repo].commit(files, revision)
        url = f"{self.server.url}/{repo}/commit/{sha}"
        self.answer(200, {"commitUrl": url, "commitOid": sha, "pullRequestUrl": None})

    def validate(self) -> None:
        self.answer(200, {"errors": [], "warnings": []})

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


ROUTES = [
    ("GET", f"/api/models/{REPO}", "info"),
    ("GET", f"/api/models/{REPO}/revision/(?P<revision>.+)", "info"),
    ("GET", f"/api/models/{REPO}/tree/(?P<revision>[^/]+)", "tree"),
    ("GET HEAD", f"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "resolve"),
    ("POST", "/api/repos/create", "create"),
    ("POST", f"/api/models/{REPO}/branch/(?P<branch>.+)", "branch"),
    ("POST", f"/api/models/{REPO}/preupload/(?P<revision>.+)", "preupload"),
    ("POST", f"/{REPO}.git/info/lfs/objects/batch", "batch"),
    ("PUT", "/large/(?P<oid>.+)", "large"),
    ("POST", f"/api/models/{REPO}/commit/(?P<revision>.+)", "commit"),
    ("POST", "/api/validate-yaml", "validate"),
]


def etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextlib.contextmanager
def running() -> Iterator[Hub]:
    """Run an empty hub while the context is open."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


def use_hub(url: str, cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use this hub and this folder as its cache, without a token."""
    from huggingface_hub import constants

    from ner_adv_plugin.common.hubs.fetching import fetch_encoder

    fetch_encoder.cache_clear()
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    # Retries without delay.
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache) + "-no-token")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
