"""The files that a run reads, and what is in them."""

from collections.abc import Mapping
from pathlib import Path

from ner_adv_plugin.common.digests import file_digest
from ner_adv_plugin.common.errors import joined
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.runs.initialising import file_to_digest
from ner_adv_plugin.runs.job import TrainJob


def files_of(job: TrainJob) -> dict[str, str]:
    """Return the files that a config, or one of its stages, reads, by config path.

    These are corpora with what is read beside them, initial weights, and what components name in
    `Registrable.files_read`; not the encoder, whose weights and vocabulary a run keeps.
    """
    files = {}
    for split, paths in job.sources.paths.items():
        readers = (job.sources.reader if split == "train" else job.sources.held_out_reader).readers
        for name, path in paths.items():
            key = f"{split}_data_path"
            place = joined(key, name) if isinstance(getattr(job, key), Mapping) else key
            files[place] = path
            beside = readers[name].files_beside(path)
            files.update({joined(place, file.suffix[1:]): str(file) for file in beside})
    return {**files, **job.weights_files, **job.files_read}


def file_digests(job: TrainJob) -> dict[str, str]:
    """Return the SHA-256 of all files that decide what a run learns, by path.

    These are `files_of` all stages and a local encoder, wrapped in another one or not; a URL is its
    own digest.

    # Parameters

    job : from `checked_job`.
    """
    paths = {path for stage in (*job.earlier, job) for path in files_of(stage).values()}
    encoder = job.model.filled.get("encoder")
    while isinstance(encoder, Mapping):
        name = encoder.get("model_name")
        if isinstance(name, str) and Path(name).is_dir():
            paths |= {str(file) for file in Path(name).rglob("*") if file.is_file()}
        encoder = encoder.get("encoder")
    return {path: path if is_url(path) else _digest(path) for path in sorted(paths)}


_DIGESTS: dict[tuple[Path, int, int], str] = {}


def _digest(path: str) -> str:
    """Return the digest of a file, folder or run's folder; files are read again if they change."""
    file = file_to_digest(path)
    if file.is_dir():
        return file_digest(file)
    status = file.stat()
    key = (file, status.st_size, status.st_mtime_ns)
    if key not in _DIGESTS:
        _DIGESTS[key] = file_digest(file)
    return _DIGESTS[key]
