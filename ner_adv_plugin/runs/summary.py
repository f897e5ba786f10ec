"""The last lines that a run prints: which epoch is kept, where, and what to do with it."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives.archive import target_head
from ner_adv_plugin.archives.writing import ARCHIVE
from ner_adv_plugin.runs.job import TrainJob


def summary(
    job: TrainJob, metrics: Mapping[str, Any], folder: Path, heads: Sequence[str]
) -> list[str]:
    """Return at most four lines: best epoch and its score, archive, next commands.

    # Parameters

    job : the job of the run.
    metrics : the content of `metrics.json`.
    folder : the folder of the run.
    heads : the heads of its model.
    """
    archive = folder / ARCHIVE
    quoted = shlex.quote(str(archive))
    lines = [_best_epoch(job, metrics)]
    if archive.is_file():
        lines.append(f"archive: {archive}")
        if (corpus := _corpus(job, heads)) is not None:
            lines.append(f"score: allennlp evaluate {quoted} {shlex.quote(corpus)}")
        lines.append(f"predict: allennlp predict {quoted} INPUT.jsonl")
    return lines


def _best_epoch(job: TrainJob, metrics: Mapping[str, Any]) -> str:
    count = metrics["training_epochs"]
    metric = job.filled["trainer"].get("validation_metric", "-loss")
    value = metrics.get(f"best_validation_{metric[1:]}")
    if value is None:
        return f"epoch kept: {count} of {count}, the last one, as nothing was validated"
    return f"epoch kept: {metrics['best_epoch'] + 1} of {count}, best {metric} {value:.4f}"


def _corpus(job: TrainJob, heads: Sequence[str]) -> str | None:
    """Return a test or validation corpus of the head that `evaluate` scores by default.

    As `evaluate` takes it: the path of the head's first dataset, or an object for another one.
    """
    head = target_head(dict(job.config), heads)
    readers = job.sources.held_out_reader.readers
    names = [name for name, reader in readers.items() if reader.head == head]
    for split in ("test", "validation"):
        paths = job.sources.paths.get(split, {})
        for name in names:
            if name in paths:
                path = paths[name]
                return path if name == names[0] else json.dumps({name: path}, ensure_ascii=False)
    return None
