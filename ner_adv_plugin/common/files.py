"""Files written aside and renamed, so that a reader never meets half a file."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError


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
        if not _is_of_the_disk(error):
            raise
        raise UserError(f"cannot write {path}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def _is_of_the_disk(error: Exception) -> bool:
    """Whether writing failed, not what was to be written; torch reports a full disk as a RuntimeError."""
    known = ("PytorchStreamWriter", "cannot be opened", "Parent directory")
    return isinstance(error, OSError) or any(words in str(error) for words in known)


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
