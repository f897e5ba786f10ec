"""Digests: which files of an archive or of a run belong together."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import UserError

# The file that holds the digests, and their key in it: SHA-256 in hexadecimal, by file.
META = "meta.json"
DIGESTS = "digests"


def digest(content: bytes) -> str:
    """Return the digest of a file's content.

    # Examples

    >>> digest(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(content).hexdigest()


def json_digest(content: Any) -> str:
    """Return the digest of a value of JSON, whatever the order of its keys.

    # Examples

    >>> json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1})
    True
    """
    return digest(json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8"))


def digests_below(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder, by its path within the folder's parent.

    # Parameters

    folder : the folder, such as `vocabulary` of a run.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder.parent).as_posix(): file_digest(path) for path in files}


def file_digest(path: Path) -> str:
    """Return the digest of a file, or of the digests and names of all files below a folder."""
    if path.is_dir():
        # The name of the folder itself does not count.
        names = {name.partition("/")[2]: own for name, own in digests_below(path).items()}
        return digest(json.dumps(names, sort_keys=True).encode("ascii"))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded_digests(meta: bytes | str) -> dict[str, str] | None:
    """Return the digests in the content of a `meta.json`; None if it has none.

    # Raises

    ValueError : if it is not valid.
    """
    try:
        content = json.loads(meta)
        recorded = content.get(DIGESTS) if isinstance(content, dict) else None
    except RecursionError as error:
        raise ValueError(f"{META} is nested too deeply") from error
    if recorded is None:
        return None
    if not isinstance(recorded, dict) or not all(isinstance(v, str) for v in recorded.values()):
        raise ValueError(f"{META}: {DIGESTS}: expected an object of digests by file")
    return recorded


def check_digests(
    recorded: Mapping[str, str], found: Mapping[str, str], shown: str, optional: Iterable[str] = ()
) -> None:
    """Check that the files are those that were recorded.

    # Parameters

    recorded, found : digests by file.
    shown : name of the archive or folder in error messages.
    optional : files that may be missing.

    # Raises

    UserError : for the first file that is missing, differs, or was added.
    """
    for name, expected in recorded.items():
        if name not in found:
            if name not in optional:
                raise UserError(f"{shown}: {name} is missing: {META} lists it")
        elif found[name] != expected:
            hint = " (`--overrides` changes keys)" if name == "config.json" else ""
            raise UserError(
                f"{shown}: {name} is not the file that belongs to this model: expected SHA-256 "
                f"{expected[:12]}... as in {META}, found {found[name][:12]}...{hint}"
            )
    for name in found:
        if name not in recorded:
            raise UserError(
                f"{shown}: {name} does not belong to this model: {META} does not list it"
            )
