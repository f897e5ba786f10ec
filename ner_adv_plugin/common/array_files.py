"""Named arrays in a file, which is never trusted if it is damaged."""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"ner_adv_plugin arrays 1\n"
_DIGEST_SIZE = 32
# Arrays begin at multiples of this number of bytes.
_ALIGNMENT = 64
PARTIAL = ".partial"

Arrays = Mapping[str, NDArray[Any]]


def write_arrays(path: Path, arrays: Arrays, meta: Any) -> None:
    """Write arrays to a file, which is complete or absent at any time, also with other writers.

    # Parameters

    path : the file; its folder is created if missing.
    arrays : arrays by name.
    meta : any JSON value.

    # Raises

    OSError : if the disk is full or the folder is not writable; a previous file is kept.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    shapes = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    header = json.dumps({"arrays": shapes, "meta": meta}).encode("ascii")
    parts = [len(header).to_bytes(8, "little"), header]
    size = len(_MAGIC) + _DIGEST_SIZE + sum(map(len, parts))
    for array in arrays.values():
        padding = -size % _ALIGNMENT
        parts += [bytes(padding), array.tobytes()]
        size += padding + array.nbytes

    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL}")
    try:
        with open(partial, "xb") as file:
            file.writelines([_MAGIC, digest.digest(), *parts])
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], Any]:
    """Read a file written by `write_arrays`.

    # Returns

    The arrays by name, whose pages are those of the file until they are changed in memory, and the
    JSON value.

    # Raises

    OSError : if it cannot be read.
    ValueError : if it is damaged.
    """
    if path.stat().st_size < len(_MAGIC) + _DIGEST_SIZE + 8:
        raise ValueError("it is too short")
    content = np.memmap(path, np.uint8, mode="c")
    start = len(_MAGIC) + _DIGEST_SIZE
    if bytes(content[: len(_MAGIC)]) != _MAGIC:
        raise ValueError("it begins with other bytes")
    if hashlib.sha256(content[start:].data).digest() != bytes(content[len(_MAGIC) : start]):
        raise ValueError("its digest is another one")

    end = start + 8 + int.from_bytes(bytes(content[start : start + 8]), "little")
    header = json.loads(bytes(content[start + 8 : end]))
    arrays: dict[str, NDArray[Any]] = {}
    for name, (dtype, shape) in header["arrays"].items():
        end += -end % _ALIGNMENT
        size = np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.asarray(content[end : end + size]).view(dtype).reshape(shape)
        end += size
    return arrays, header["meta"]
