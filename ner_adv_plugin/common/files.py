"""Files: written aside and renamed, so that a reader never meets half a file; downloaded where they are URLs."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError


def is_url(path: str | Path) -> bool:
    """Whether it has a scheme, such as `https://`."""
    return isinstance(path, str) and "://" in path


def local_path(path: str | Path) -> Path:
    """The file that a path or a URL stands for; a URL is downloaded into the cache of the library `cached_path`.

    It is downloaded again only where its server says by an ETag that it changed; where the server cannot be reached,
    what was downloaded last is taken. Raises `UserError` where a URL cannot be had.
    """
    if not is_url(path):
        return Path(path)
    from cached_path import cached_path  # brings clients of several clouds, seconds to import

    try:
        return Path(cached_path(str(path), quiet=True))
    except Exception as error:  # each cloud's client has errors of its own
        reason = "not found" if isinstance(error, FileNotFoundError) else str(error)
        raise UserError(f"cannot download {path}: {reason}") from error


def write_file(path: Path, write: Callable[[Path], None]) -> None:
    """Have `write` make a file beside `path`, flush it to disk, and put it there in one move.

    Raises `UserError` where the disk is full or the folder cannot be written; what stood at `path` stays.
    """
    aside = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(aside)
        descriptor = os.open(aside, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(aside, path)
    except (OSError, RuntimeError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise UserError(f"cannot write {path}: {reason}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def _reason(error: Exception) -> str | None:
    """Why the disk did not take a file; None where what was to be written is at fault."""
    text = str(error)
    if isinstance(error, OSError) or "cannot be opened" in text or "Parent directory" in text:
        return text
    # So torch says that the system takes no more of a file, without the system's reason.
    if any(
        words in text for words in ("PytorchStreamWriter", "inline_container", "iostream error")
    ):
        return "the disk is full, or takes no file of this size"
    return None


def write_text(path: Path, text: str) -> None:
    """Write a text file."""

    def write(aside: Path) -> None:
        aside.write_text(text, encoding="utf-8")

    write_file(path, write)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, indented."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Have `write` fill a folder beside `path`, and put it there whole, in place of an older one.

    Raises `UserError` where that fails; what stood at `path` stays.
    """
    aside, old = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.old")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        write(aside)
        if path.is_dir():
            shutil.rmtree(old, ignore_errors=True)
            os.replace(path, old)
        os.replace(aside, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}") from error
    finally:
        if old.is_dir() and not path.exists():
            os.replace(old, path)
        for leftover in (aside, old):
            shutil.rmtree(leftover, ignore_errors=True)
