"""Safe extraction of untrusted archives: every member is checked and no code from them runs."""

import contextlib
import gzip
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, cast

import ner_adv_plugin
from ner_adv_plugin.archives.writing import (
    ARCHIVE,
    CONFIG,
    EXTRA,
    META,
    PICKLED,
    READ,
    UNBOUND,
    VOCABULARY,
    WEIGHTS,
)
from ner_adv_plugin.common.digests import (
    check_digests,
    digests_below,
    file_digest,
    recorded_digests,
)
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.common.limits import FREE_BYTES, MOST_INFLATION, MOST_MEMBERS

FILES = (CONFIG, META)
ALTERNATIVES = (WEIGHTS, PICKLED)
FOLDERS = (VOCABULARY, EXTRA)
LONGEST_NAME = 300
# The bytes between the contents of two members: headers, padding and read-ahead.
MOST_BETWEEN = 64 * 2**10


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Path]:
    """Extract an archive into a temporary folder, which is deleted when the context is closed.

    # Parameters

    path : `model.tar.gz`, its URL, a repository on a hub, such as `hf://ORG/NAME`, or a folder. The
        folder has the content of an archive, which is used as it is, or is a copy of a repository.

    # Returns

    A context manager that yields the folder.

    # Raises

    UserError : if the archive is damaged or not in the format of this version. Nothing is written
        outside of the temporary folder.
    """
    source = local_path(path)
    if not (source / META).is_file() and (source / ARCHIVE).is_file():
        source = source / ARCHIVE
    if source.is_dir():
        if (source / META).is_file():
            check_format(source, str(path))
            _check_files(source, str(path), whole=False)
        yield source
        return
    if not source.is_file():
        raise UserError(f"no archive at {path}")

    with tempfile.TemporaryDirectory(prefix="ner_adv_plugin-") as name:
        folder = Path(name)
        _unpack(source, folder, str(path))
        for file in FILES:
            if not (folder / file).is_file():
                raise UserError(f"{path} is not a valid archive: {file} is missing")
        weights = [file for file in ALTERNATIVES if (folder / file).is_file()]
        if len(weights) != 1:
            both = f"it holds both {WEIGHTS} and {PICKLED}"
            fault = both if weights else f"{WEIGHTS} is missing"
            raise UserError(f"{path} is not a valid archive: {fault}")
        archive_format = check_format(folder, str(path))
        _check_files(folder, str(path), whole=True)
        if archive_format != UNBOUND and not is_bound(folder):
            raise UserError(f"{path} is not a valid archive: {META} has no digests")
        try:
            yield folder
        except UserError as error:
            if name not in str(error):
                raise
            raise UserError(_without_folder(str(error), folder, str(path))) from error


def is_bound(folder: Path) -> bool:
    """Return whether the `meta.json` of an opened archive or run has digests of its files."""
    return (folder / META).is_file() and recorded_digests((folder / META).read_bytes()) is not None


def _check_files(folder: Path, shown: str, whole: bool) -> None:
    """Check the files of an archive, or the vocabulary of a run, by the digests in `meta.json`.

    # Parameters

    folder : the folder of the files.
    shown : its name in error messages.
    whole : every file must have a digest, and no file of a digest may be missing.
    """
    try:
        recorded = recorded_digests((folder / META).read_bytes())
    except ValueError as error:
        raise UserError(f"{shown} is not a valid archive: {error}") from error
    if recorded is None:
        return

    found: dict[str, str] = {}
    for name in FOLDERS:
        if whole or any(file.startswith(f"{name}/") for file in recorded):
            found |= digests_below(folder / name)
    for name in (CONFIG, *ALTERNATIVES):
        if (whole or name in recorded) and (folder / name).is_file():
            found[name] = file_digest(folder / name)
    check_digests(recorded, found, shown, optional=() if whole else ALTERNATIVES)


def versions(folder: Path) -> str:
    """Describe the version that wrote an extracted archive and the version that reads it."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        writer = f"ner_adv_plugin {meta['ner_adv_plugin']}"[:60]
    except (OSError, ValueError, RecursionError, TypeError, LookupError):
        writer = "an unknown version"
    return f"written by {writer}, read by ner_adv_plugin {ner_adv_plugin.__version__}"


class _LimitedStream:
    """A stream that raises `ValueError` if it yields more bytes than allowed.

    # Parameters

    stream : the underlying stream.
    remaining : the number of bytes that may still be read.
    """

    def __init__(self, stream: gzip.GzipFile, remaining: int) -> None:
        self.stream = stream
        self.remaining = remaining

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes; none at the end."""
        data = self.stream.read(size)
        self.remaining -= len(data)
        if self.remaining < 0:
            raise ValueError("it unpacks to more than its members declare")
        return data


def _unpack(source: Path, folder: Path, shown: str) -> None:
    try:
        with gzip.GzipFile(source) as packed:
            _extract(_LimitedStream(packed, MOST_BETWEEN), folder, source.stat().st_size)
    except Exception as error:  # tarfile raises anything on maliciously crafted headers
        reason = _without_folder(str(error), folder, shown)
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(f"cannot unpack {shown}: {reason}") from error
        raise UserError(f"{shown} is not a valid archive: {reason}") from error


def _without_folder(message: str, folder: Path, shown: str) -> str:
    """Return a message without the temporary folder, which means nothing to the user."""
    return message.replace(f"{folder}/", "").replace(str(folder), shown)


def _extract(stream: _LimitedStream, folder: Path, packed_size: int) -> None:
    """Extract all members; raise `ValueError` at the first that is not allowed.

    # Parameters

    stream : the uncompressed archive.
    folder : the folder to extract to.
    packed_size : size of the compressed archive in bytes.
    """
    most = MOST_INFLATION * packed_size + FREE_BYTES
    size = 0
    seen: set[PurePosixPath] = set()
    with tarfile.open(fileobj=cast(Any, stream), mode="r|") as archive:
        for member in archive:
            _check_member(member)
            size += member.size
            if size > most:
                raise ValueError(
                    f"it claims to unpack to {size} bytes or more, but at its size only {most} are "
                    "allowed; if you trust it, unpack it yourself and pass the folder"
                )
            if PurePosixPath(member.name) in seen:
                raise ValueError(f"it holds {member.name!r} twice")
            seen.add(PurePosixPath(member.name))
            if len(seen) > MOST_MEMBERS:
                raise ValueError(f"it holds more than {MOST_MEMBERS} files and folders")
            stream.remaining = member.size + MOST_BETWEEN
            archive.extract(member, folder, set_attrs=False, filter="data")

        # tarfile stops silently at a damaged header and at a truncated member, too; only a block of
        # zeros marks the end. Reading to the end makes gzip verify its checksum.
        rest = cast(Any, archive.fileobj).read(MOST_BETWEEN)
        if not rest or rest.strip(b"\0"):
            raise ValueError("it is truncated or damaged: the end-of-archive marker is missing")


def _check_member(member: tarfile.TarInfo) -> None:
    if len(member.name) > LONGEST_NAME:
        raise ValueError(
            f"it holds a name of {len(member.name)} characters, at most {LONGEST_NAME} are allowed"
        )
    if not (member.isreg() or member.isdir()) or member.issparse() or member.size < 0:
        raise ValueError(f"{member.name!r} is neither a plain file nor a folder")

    parts = PurePosixPath(member.name).parts
    if member.name.startswith("/") or ".." in parts:
        raise ValueError(f"{member.name!r} points outside of the archive")
    if member.isdir():
        expected = not parts or parts[0] in FOLDERS  # tar calls the folder itself "."
    else:
        in_folder = len(parts) > 1 and parts[0] in FOLDERS
        expected = in_folder or "/".join(parts) in (*FILES, *ALTERNATIVES)
    if not expected:
        raise ValueError(f"{member.name!r} is not part of an archive")


def check_format(folder: Path, shown: str) -> int:
    """Check that an archive, or a run, is in a format that this version reads.

    # Parameters

    folder : the folder of its `meta.json`.
    shown : its name in error messages.

    # Returns

    The format.

    # Raises

    UserError : if the format is another one or `meta.json` is not valid.
    """
    try:
        found = json.loads((folder / META).read_text(encoding="utf-8")).get("archive_format")
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise UserError(f"{shown} is not a valid archive: {META} is not valid: {error}") from error

    if type(found) is not int or found not in READ:
        named = "no archive format" if found is None else f"archive format {repr(found)[:40]}"
        known = f"{', '.join(map(str, READ[:-1]))} and {READ[-1]}"
        raise UserError(
            f"{shown} has {named}, this version reads {known} ({versions(folder)}): "
            "install the version that wrote it, or train again"
        )
    return found
