"""Files of a vocabulary: in a folder, or in an archive that is read without extracting it."""

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from ner_adv_plugin.common.digests import META, check_digests, digest, recorded_digests
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.limits import FREE_BYTES, MOST_INFLATION, MOST_MEMBERS

FOLDER = "vocabulary"
TASKS_FILE = "datasets.json"
ENTRIES = ".txt"
# JSON corpora may hold half of a surrogate pair, which is invalid in strict UTF-8.
HALF_PAIRS = "surrogatepass"
# Maximum size in bytes of the vocabulary files in an archive, together.
LARGEST = 2**28


def encoded_entries(entries: Iterable[str]) -> bytes:
    """Return the content of the file of a namespace: one JSON string per line.

    An entry may be any character, even a line break.
    """
    lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    return lines.encode("utf-8", HALF_PAIRS)


def entries_of(name: str, content: bytes) -> list[str]:
    r"""Parse the file of a namespace.

    # Parameters

    name : the file's name.
    content : its content.

    # Raises

    ValueError : if it is not valid, or holds an entry twice.

    # Examples

    >>> entries_of("domains.txt", b'"news"\n"social"\n')
    ['news', 'social']
    """
    entries = []
    for number, line in enumerate(content.decode("utf-8", HALF_PAIRS).split("\n"), 1):
        if line:
            try:
                entries.append(json.loads(line))
            except ValueError as error:
                raise ValueError(f"{error} ({name}, line {number})") from error
    if not all(isinstance(entry, str) for entry in entries):
        raise ValueError(f"{name}: expected one JSON string per line, found other values")

    first: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        if entry in first:
            raise ValueError(
                f"{name}: line {number} repeats line {first[entry]}, {json.dumps(entry)}"
            )
        first[entry] = number
    return entries


def files_of(source: Path) -> dict[str, bytes]:
    """Read the files of a vocabulary: a folder, `build-vocab`'s archive or that of a model.

    # Parameters

    source : the folder or archive.

    # Raises

    ConfigurationError : if it is damaged, or if the `meta.json` of the model or run to which it
        belongs has other digests.
    """
    files, meta = _in_archive(source) if source.is_file() else _in_folder(source)
    if meta is None:
        return files

    try:
        recorded = recorded_digests(meta)
        if recorded is not None:
            of_vocabulary = {name: value for name, value in recorded.items() if _is_entry(name)}
            found = {f"{FOLDER}/{name}": digest(content) for name, content in files.items()}
            check_digests(of_vocabulary, found, str(source))
    except (ValueError, UserError) as error:
        raise ConfigurationError(str(error)) from error
    return files


def _is_entry(name: str) -> bool:
    """Whether a member of an archive is a file of the vocabulary, not of the encoder."""
    folder, _, file = name.rpartition("/")
    return folder == FOLDER and (file == TASKS_FILE or file.endswith(ENTRIES))


def _in_folder(folder: Path) -> tuple[dict[str, bytes], bytes | None]:
    """Read the files in a folder, and the `meta.json` beside it if it is that of a run."""
    files = {
        path.name: path.read_bytes()
        for path in (*folder.glob(f"*{ENTRIES}"), *folder.glob(TASKS_FILE))
    }
    meta = folder.parent / META
    belongs = folder.name == FOLDER and meta.is_file()
    return files, meta.read_bytes() if belongs else None


def _in_archive(archive: Path) -> tuple[dict[str, bytes], bytes | None]:
    """Read the files in an archive; in that of a model they are in the folder `vocabulary`."""
    files: dict[str, bytes] = {}
    try:
        with gzip.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            most = MOST_INFLATION * archive.stat().st_size + FREE_BYTES
            read = 0
            for number, member in enumerate(tar):
                if number >= MOST_MEMBERS or packed.tell() + member.size > most:
                    raise tarfile.ReadError("it unpacks to more than a model can have")
                name = member.name.removeprefix("./").removeprefix(f"{FOLDER}/")
                if not member.isreg() or not (name == META or _is_entry(f"{FOLDER}/{name}")):
                    continue
                read += member.size
                if read > LARGEST:
                    raise tarfile.ReadError(
                        f"{name} has {member.size} bytes, at most {LARGEST} are allowed"
                    )
                content = tar.extractfile(member)
                files[name] = content.read() if content else b""
            # tarfile does not read up to the checksum at the end of the file.
            while packed.read(1 << 20):
                if packed.tell() > most:
                    raise tarfile.ReadError("it unpacks to more than a model can have")
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ConfigurationError(f"{archive} is not a valid archive: {error}") from error
    return files, files.pop(META, None)
