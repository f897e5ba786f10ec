"""What is in the files that a run reads."""

from collections.abc import Mapping
from pathlib import Path

from ner_adv_plugin.common.digests import file_digest
from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.runs.initialising import file_to_digest
from ner_adv_plugin.runs.job import TrainJob


def file_digests(job: TrainJob) -> dict[str, str]:
    """Return the SHA-256 of every file that a config reads: corpora and a local encoder."""
    stages = (*job.earlier, job)
    paths = {
        path
        for stage in stages
        for datasets in stage.sources.paths.values()
        for path in datasets.values()
    }
    paths |= {str(file_to_digest(path)) for own in stages for path in own.weights_files.values()}
    encoder = job.model.filled.get("encoder")
    name = encoder.get("model_name") if isinstance(encoder, Mapping) else None
    if isinstance(name, str) and Path(name).is_dir():
        paths |= {str(file) for file in Path(name).rglob("*") if file.is_file()}
    return {path: _digest(path) for path in sorted(paths)}


_DIGESTS: dict[tuple[str, int, int], str] = {}


def _digest(path: str) -> str:
    """Return the digest of a file; of a URL its address."""
    if is_url(path):
        return path
    status = Path(path).stat()
    key = (path, status.st_size, status.st_mtime_ns)
    if key not in _DIGESTS:
        _DIGESTS[key] = file_digest(Path(path))
    return _DIGESTS[key]
