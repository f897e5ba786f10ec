"""Opening archives that anyone may have made: every member is checked, and nothing of them runs."""

import contextlib
import gzip
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, cast

import ner_adv_plugin
from ner_adv_plugin.archives.writing import CONFIG, EXTRA, FORMAT, META, VOCABULARY, WEIGHTS
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import local_path

FILES = (CONFIG, META, WEIGHTS)
FOLDERS = (VOCABULARY, EXTRA)
# Weights hardly compress, vocabularies a few times: what unpacks to more is no model.
MOST_INFLATION, FREE_BYTES = 100, 64 * 2**20
MOST_MEMBERS, LONGEST_NAME = 10_000, 300
# What stands between the contents of two members, read ahead included: headers and padding.
MOST_BETWEEN = 64 * 2**10


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Path]:
    """The folder of an archive, extracted for as long as it is used; a folder itself.

    # Parameters

    path : `model.tar.gz`, its URL, or a folder that holds what it would.

    Raises `UserError` where it is no sound archive of this version's format. Nothing is written outside of a
    temporary folder, which goes away.
    """
    source = local_path(path)
    if source.is_dir():
        if (source / META).is_file():
            check_format(source, str(path))
        yield source
        return
    if not source.is_file():
        raise UserError(f"no archive at {path}")
    with tempfile.TemporaryDirectory(prefix="ner_adv_plugin-") as name:
        folder = Path(name)
        _unpack(source, folder, str(path))
        for file in FILES:
            if not (folder / file).is_file():
                raise UserError(f"{path} is no sound archive: {file} is missing")
        check_format(folder, str(path))
        yield folder


def versions(folder: Path) -> str:
    """Which version wrote the archive in this folder, and which one reads it."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        writer = f"ner_adv_plugin {meta['ner_adv_plugin']}"[:60]
    except (OSError, ValueError, RecursionError, TypeError, LookupError):
        writer = "an unknown version"
    return f"written by {writer}, read by ner_adv_plugin {ner_adv_plugin.__version__}"


class _Metered:
    """A stream that ends in an error where more comes out than was announced.

    # Parameters

    stream : where the bytes come from.
    left : bytes that may still come.
    """

    def __init__(self, stream: gzip.GzipFile, left: int) -> None:
        self.stream = stream
        self.left = left

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        data = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError("it unpacks to more than its members declare")
        return data


def _unpack(source: Path, folder: Path, shown: str) -> None:
    try:
        with gzip.GzipFile(source) as packed:
            _extract(_Metered(packed, MOST_BETWEEN), folder, source.stat().st_size)
    except Exception as error:  # tarfile fails in any way on headers made to confuse it
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(f"cannot unpack {shown}: {error}") from error
        raise UserError(f"{shown} is no sound archive: {error}") from error


def _extract(packed: _Metered, folder: Path, packed_size: int) -> None:
    """Extract member by member; `ValueError` at the first that does not belong there."""
    most = MOST_INFLATION * packed_size + FREE_BYTES
    size, seen = 0, set[PurePosixPath]()
    with tarfile.open(fileobj=cast(Any, packed), mode="r|") as archive:
        for member in archive:
            _check_member(member)
            size += member.size
            if size > most:
                raise ValueError(
                    f"it claims to unpack to {size} bytes or more, at its size {most} are allowed; if you trust it, "
                    "unpack it yourself and give the folder"
                )
            if PurePosixPath(member.name) in seen:
                raise ValueError(f"it holds {member.name!r} twice")
            seen.add(PurePosixPath(member.name))
            if len(seen) > MOST_MEMBERS:
                raise ValueError(f"it holds more than {MOST_MEMBERS} files and folders")
            packed.left = member.size + MOST_BETWEEN
            archive.extract(member, folder, set_attrs=False, filter="data")
        # Zeros mark the end; tarfile also stops, in silence, at a damaged header and where a whole member is cut off.
        # Reading on to the end has gzip compare its checksum.
        rest = cast(Any, archive.fileobj).read(MOST_BETWEEN)
        if not rest or rest.strip(b"\0"):
            raise ValueError("it is cut off or damaged: its end is not marked")


def _check_member(member: tarfile.TarInfo) -> None:
    if len(member.name) > LONGEST_NAME:
        raise ValueError(
            f"it holds a name of {len(member.name)} characters, {LONGEST_NAME} are allowed"
        )
    if not (member.isreg() or member.isdir()) or member.issparse() or member.size < 0:
        raise ValueError(f"{member.name!r} is neither a plain file nor a folder")
    parts = PurePosixPath(member.name).parts
    if member.name.startswith("/") or ".." in parts:
        raise ValueError(f"{member.name!r} leads outside of it")
    if member.isdir():
        belongs = not parts or parts[0] in FOLDERS  # "." is how tar names the folder itself
    else:
        belongs = "/".join(parts) in FILES or (len(parts) > 1 and parts[0] in FOLDERS)
    if not belongs:
        raise ValueError(f"{member.name!r} does not belong into it")


def check_format(folder: Path, shown: str) -> None:
    """Raise `UserError` if an archive, or a run, is of another format than this version's.

    # Parameters

    folder : holds its `meta.json`.
    shown : how the message names it.
    """
    try:
        found = json.loads((folder / META).read_text(encoding="utf-8")).get("archive_format")
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise UserError(f"{shown} is no sound archive: {META} is unsound: {error}") from error
    if found != FORMAT:
        named = "no archive format" if found is None else f"archive format {repr(found)[:40]}"
        raise UserError(
            f"{shown} has {named}, this version reads {FORMAT} ({versions(folder)}): "
            "install the version that wrote it, or train again"
        )
