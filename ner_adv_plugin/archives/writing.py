"""Writing archives: what a trained model needs, in one file."""

import gzip
import tarfile
from collections.abc import Sequence
from pathlib import Path

from ner_adv_plugin.common.files import local_path, write_file

ARCHIVE = "model.tar.gz"
CONFIG, META, WEIGHTS, BEST, VOCABULARY = (
    "config.json",
    "meta.json",
    "weights.th",
    "best.th",
    "vocabulary",
)
# The folder of `include_in_archive`.
EXTRA = "fta"
# What `meta.json` has as `archive_format`: counted up where archives change so that older versions cannot read them.
FORMAT = 2


def archive_model(folder: Path, include: Sequence[str] = ()) -> Path:
    """Put config, best weights, vocabulary and `include` of a serialization directory into `model.tar.gz`."""
    members = [(folder / CONFIG, CONFIG), (folder / META, META), (folder / BEST, WEIGHTS)]
    members += [(folder / VOCABULARY, VOCABULARY)]
    members += [(local_path(path), f"{EXTRA}/{Path(path).name}") for path in include]

    pack(folder / ARCHIVE, members)
    return folder / ARCHIVE


def pack(archive: Path, members: Sequence[tuple[Path, str]]) -> None:
    """Write a `.tar.gz` of files and folders, each under the name beside it."""

    def write(path: Path) -> None:
        # Not mode "w:gz", which would put the time into the archive; no links, which are not loaded.
        with (
            gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", dereference=True) as tar,
        ):
            for source, name in members:
                tar.add(source, name, filter=_anonymous)

    write_file(archive, write)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same content gives the same archive, whoever writes it and when."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member
