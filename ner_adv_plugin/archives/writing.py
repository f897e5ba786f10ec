"""Writing of archives."""

import gzip
import tarfile
from collections.abc import Sequence
from pathlib import Path

from ner_adv_plugin.common.files import local_path, write_file

ARCHIVE = "model.tar.gz"
CONFIG = "config.json"
META = "meta.json"
WEIGHTS = "weights.th"
BEST = "best.th"
VOCABULARY = "vocabulary"
# The folder of `include_in_archive`.
EXTRA = "fta"
# `archive_format` in `meta.json`: incremented if older versions cannot read newer archives.
FORMAT = 2


def archive_model(folder: Path, include: Sequence[str] = ()) -> Path:
    """Write the `model.tar.gz` of a run: config, best weights and vocabulary.

    # Parameters

    folder : the serialization directory.
    include : paths or URLs of files to add.

    # Returns

    The path of the archive.
    """
    members = [(folder / CONFIG, CONFIG), (folder / META, META), (folder / BEST, WEIGHTS)]
    members += [(folder / VOCABULARY, VOCABULARY)]
    members += [(local_path(path), f"{EXTRA}/{Path(path).name}") for path in include]

    pack(folder / ARCHIVE, members)
    return folder / ARCHIVE


def pack(archive: Path, members: Sequence[tuple[Path, str]]) -> None:
    """Write a `.tar.gz`; the same content gives the same bytes.

    # Parameters

    archive : the file to write.
    members : files and folders, each with its name in the archive.
    """

    def write(path: Path) -> None:
        # Mode "w:gz" would store the time. Links are followed, as they would not be loaded.
        with (
            gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", dereference=True) as tar,
        ):
            for source, name in members:
                tar.add(source, name, filter=_anonymous)

    write_file(archive, write)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove the owner, the time and unusual permissions of a member."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member
