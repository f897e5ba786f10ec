"""Crafting of malicious archives."""

import gzip
import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOUND = {
    "config.json": b"{}",
    "meta.json": b'{"archive_format": 2, "ner_adv_plugin": "0.2.0"}',
    "weights.safetensors": b"weights",
    "vocabulary/datasets.json": b"{}",
    "vocabulary/encoder/config.json": b"{}",
    "fta/notes.txt": "笔记".encode(),
}
Member = tuple[tarfile.TarInfo, bytes]
Refused = Callable[..., str]


def member(name: str, content: bytes = b"", **fields: Any) -> Member:
    """Return a member; `fields` override the header of a plain file."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def sound_members() -> list[Member]:
    return [member(name, content) for name, content in SOUND.items()]


def tar_of(*members: Member, format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return an uncompressed archive; headers may contradict the contents."""
    parts = [info.tobuf(format) + content + bytes(-len(content) % 512) for info, content in members]
    return b"".join(parts) + bytes(1024)


def with_sound(*members: Member) -> bytes:
    """Return a compressed archive with crafted members after valid ones."""
    return gzip.compress(tar_of(*sound_members(), *members))


def everything(folder: Path) -> dict[str, bytes | None]:
    """Return all files below a folder with their contents, and all folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def with_pickled(contents: dict[str, bytes], weights: bytes) -> dict[str, bytes]:
    """Return the contents of an archive with weights that torch saved in place of its own."""
    others = {name: own for name, own in contents.items() if name != "weights.safetensors"}
    return {**others, "weights.th": weights}


def packed(contents: dict[str, bytes], seal: bool = True) -> bytes:
    """Return an archive; if `seal`, the digests in its `meta.json` are those of its contents."""
    meta = json.loads(contents["meta.json"])
    if seal and "digests" in meta:
        files = {name: content for name, content in contents.items() if name != "meta.json"}
        meta["digests"] = {name: hashlib.sha256(files[name]).hexdigest() for name in files}
        contents = {**contents, "meta.json": json.dumps(meta).encode()}
    return gzip.compress(tar_of(*(member(*item) for item in contents.items())), 1)


def unbind(folder: Path) -> None:
    """Make an extracted archive one of format 2, which has no digests."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    del meta["digests"]
    text = json.dumps({**meta, "archive_format": 2})
    (folder / "meta.json").write_text(text, encoding="utf-8")
