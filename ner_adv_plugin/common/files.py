"""Atomic writing of files and folders, and downloading of URLs."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.hubs.hub_path import parse_hub_path


def is_url(path: str | Path) -> bool:
    """Return whether a path has a scheme, such as `https://`."""
    return isinstance(path, str) and "://" in path


def local_path(path: str | Path) -> Path:
    """Return the local file of a path or URL.

    A URL is downloaded into the cache of the library `cached_path`. It is downloaded again only if
    its ETag has changed; if the server cannot be reached, the cached copy is used. The same is true
    of files on hubs, such as `hf://ORG/NAME/FILE`, and of their caches. A repository, such as
    `hf://ORG/NAME`, means its `model.tar.gz`.

    # Raises

    UserError : if a URL cannot be downloaded and is not in the cache.
    """
    if not is_url(path):
        return Path(path)

    hub_path = parse_hub_path(path)
    if hub_path is not None:
        from ner_adv_plugin.common.hubs.fetching import fetch_file

        return fetch_file(hub_path)

    # Imported late: it takes seconds to import, as it brings the clients of several clouds.
    from cached_path import cached_path

    try:
        return Path(cached_path(str(path), quiet=True))
    except Exception as error:  # every cloud client raises its own exceptions
        reason = "not found" if isinstance(error, FileNotFoundError) else str(error)
        raise UserError(f"cannot download {path}: {reason}") from error


def write_file(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file atomically: into a temporary file first, which then replaces `path`.

    # Parameters

    path : the file; missing parent folders are created.
    write : called with the path of the temporary file, in the same folder.

    # Raises

    UserError : if the disk is full or the folder is not writable; a previous file is kept.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise UserError(f"cannot write {path}: {reason}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _reason(error: Exception) -> str | None:
    """Describe an error raised by writing to disk; None for any other error."""
    text = str(error)
    if isinstance(error, OSError) or "cannot be opened" in text or "Parent directory" in text:
        return text
    # torch reports a failed write without the reason given by the system.
    writer_errors = ("PytorchStreamWriter", "inline_container", "iostream error")
    if any(words in text for words in writer_errors):
        return "the disk is full, or does not accept files of this size"
    return None


def write_text(path: Path, text: str, errors: str = "strict") -> None:
    """Write a text file atomically; see `write_file`.

    # Parameters

    path, text : the file and its content.
    errors : Python's name of the error handler for lone surrogates.
    """

    def write(partial: Path) -> None:
        partial.write_text(text, encoding="utf-8", errors=errors)

    write_file(path, write)


def write_json(path: Path, value: Any) -> None:
    """Write an indented JSON file atomically; see `write_file`."""
    # A lone surrogate is written escaped, as in JSON.
    text = json.dumps(value, ensure_ascii=False, indent=2)
    write_text(path, f"{text}\n", errors="backslashreplace")


def write_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Write a folder, replacing an older one only when the new one is complete.

    # Parameters

    path : the folder.
    write : called with the path of an empty temporary folder, which it fills.

    # Raises

    UserError : if writing fails; a previous folder is kept.
    """
    partial = path.with_name(f".{path.name}.partial")
    old = path.with_name(f".{path.name}.old")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        if path.is_dir():
            shutil.rmtree(old, ignore_errors=True)
            os.replace(path, old)
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}") from error
    finally:
        if old.is_dir() and not path.exists():
            os.replace(old, path)
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)
