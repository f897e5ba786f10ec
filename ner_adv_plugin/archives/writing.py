"""Writing of archives."""

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.digests import DIGESTS, digest, digests_below, file_digest
from ner_adv_plugin.common.digests import META as META
from ner_adv_plugin.common.files import local_path, write_file
from ner_adv_plugin.common.hubs.hub_path import ARCHIVE as ARCHIVE

CONFIG = "config.json"
WEIGHTS = "weights.safetensors"
# The weights of archives of formats 2 and 3, and of weights that are not plain tensors.
PICKLED = "weights.th"
BEST = "best.th"
# Where weights are looked for in an archive or run, in this order.
WEIGHT_FILES = (WEIGHTS, PICKLED, BEST)
VOCABULARY = "vocabulary"
# The folder of `include_in_archive`.
EXTRA = "fta"
# `archive_format` in `meta.json`: incremented if older versions cannot read newer archives, or may
# not take them for older ones. `UNBOUND` is the format without digests, 3 that with weights.th.
FORMAT = 4
UNBOUND = 2
READ = (UNBOUND, 3, FORMAT)


def archive_model(folder: Path, include: Sequence[str] = ()) -> Path:
    """Write the `model.tar.gz` of a run: config, best weights and vocabulary.

    Its `meta.json` is that of the run with the digests of all members. The weights are stored as
    safetensors, or as the run has them if they are more than tensors.

    # Parameters

    folder : the serialization directory.
    include : paths or URLs of files to add.

    # Returns

    The path of the archive.
    """
    weights = _safetensors(folder / BEST)
    weights_name = PICKLED if weights is None else WEIGHTS
    included = [(local_path(path), f"{EXTRA}/{Path(path).name}") for path in include]
    digests = {
        CONFIG: file_digest(folder / CONFIG),
        weights_name: file_digest(folder / BEST) if weights is None else digest(weights),
        **digests_below(folder / VOCABULARY),
        **{name: file_digest(path) for path, name in included},
    }
    meta = {**json.loads((folder / META).read_text(encoding="utf-8")), DIGESTS: digests}
    members: list[tuple[Path | bytes, str]] = [
        (folder / CONFIG, CONFIG),
        ((json.dumps(meta, ensure_ascii=False, indent=2) + "\n").encode(), META),
        (folder / BEST if weights is None else weights, weights_name),
        (folder / VOCABULARY, VOCABULARY),
        *included,
    ]

    pack(folder / ARCHIVE, members)
    return folder / ARCHIVE


def _safetensors(path: Path) -> bytes | None:
    """Return the weights of a run in the format of safetensors; None if it cannot hold them."""
    import torch
    from safetensors.torch import save

    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or not all(map(_is_plain, state.values())):
        return None
    # Parameters that share memory are stored once each.
    return save({name: value.detach().clone().contiguous() for name, value in state.items()})


def _is_plain(value: Any) -> bool:
    """Whether safetensors can hold a value."""
    import torch

    return (
        isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and not (value.is_quantized or value.is_complex())
    )


def pack(archive: Path, members: Sequence[tuple[Path | bytes, str]]) -> None:
    """Write a `.tar.gz`; the same content gives the same bytes.

    # Parameters

    archive : the file to write.
    members : files, folders and contents of files, each with its name in the archive.
    """

    def write(path: Path) -> None:
        # Mode "w:gz" would store the time. Links are followed, as they would not be loaded.
        with (
            gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", dereference=True) as tar,
        ):
            for source, name in members:
                if isinstance(source, bytes):
                    member = tarfile.TarInfo(name)
                    member.size = len(source)
                    tar.addfile(_anonymous(member), io.BytesIO(source))
                else:
                    tar.add(source, name, filter=_anonymous)

    write_file(archive, write)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove the owner, the time and unusual permissions of a member."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member
