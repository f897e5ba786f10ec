"""Writing archives: what a trained model needs, in one file."""

import gzip
import tarfile
from collections.abc import Sequence
from pathlib import Path

from ner_adv_plugin.common.files import write_file

ARCHIVE = "model.tar.gz"
CONFIG, META, WEIGHTS, BEST, VOCABULARY = "config.json", "meta.json", "weights.th", "best.th", "vocabulary"


def archive_model(folder: Path, include: Sequence[str] = ()) -> Path:
    """Put config, best weights, vocabulary and `include` of a serialization directory into `model.tar.gz`."""
    members = [(folder / CONFIG, CONFIG), (folder / META, META), (folder / BEST, WEIGHTS)]
    members += [(folder / VOCABULARY, VOCABULARY)]
    members += [(Path(path), f"fta/{Path(path).name}") for path in include]

    def write(path: Path) -> None:
        # Not mode "w:gz", which would put the time into the archive.
        with (
            gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            for source, name in members:
                tar.add(source, name, filter=_anonymous)

    write_file(folder / ARCHIVE, write)
    return folder / ARCHIVE


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same content gives the same archive, whoever writes it and when."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member
