"""What tells one cache entry from another: a reader's settings, and the code that reads."""

import contextlib
import hashlib
import json
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.registrable import Registrable

# What reading finds, and what it does not look at.
NO_SETTINGS = {"repaired", "illegal_rows", "types_met", "normalisers"}


def settings_of(reader: object) -> str | None:
    """The class and all settings of a reader; None where one is not of plain types."""
    cls = type(reader)
    values = {name: value for name, value in vars(reader).items() if name not in NO_SETTINGS}
    try:
        return json.dumps([cls.__module__, cls.__qualname__, _plain(values)])
    except TypeError:
        return None


def _plain(value: Any) -> Any:
    """A value as JSON can tell it from others; raises `TypeError` where it cannot."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(part) for part in value), key=repr)
    if isinstance(value, dict):
        return sorted(([_plain(key), _plain(part)] for key, part in value.items()), key=repr)
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__qualname__, [_plain(getattr(value, field.name)) for field in fields(value)]]
    raise TypeError(f"{value!r} is not plain")


def code_of(cls: type) -> str | None:
    """A hash of all Python files of the packages that a class and its bases are of; None where one has none."""
    modules = {base.__module__ for base in cls.__mro__ if base not in Registrable.__mro__}
    digest = hashlib.sha256()
    for files in {name: _sources(name) for name in sorted(map(_package, modules))}.values():
        if not files:
            return None
        for path in files:
            digest.update(str(path).encode("utf-8", "surrogatepass"))
            # An editor may be replacing it.
            with contextlib.suppress(FileNotFoundError):
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _package(module: str) -> str:
    """The outermost package that a module is of; itself where that is not loaded."""
    outermost = module.partition(".")[0]
    return outermost if outermost in sys.modules else module


def _sources(name: str) -> list[Path]:
    """The Python files of a package, or of a module that is none."""
    module = sys.modules.get(name)
    folders = [Path(folder) for folder in getattr(module, "__path__", [])]
    if folders:
        return sorted(path for folder in folders for path in folder.rglob("*.py"))
    file = Path(getattr(module, "__file__", None) or "")
    return [file] if file.suffix == ".py" and file.is_file() else []
