"""The data of a run in words: corpora, sentences, and what was dropped or repaired."""

from collections.abc import Iterator, Mapping
from typing import Any

from ner_adv_plugin.runs.explanation.record import FINISHED, RunRecord
from ner_adv_plugin.runs.explanation.words import listed, number

SPLITS = ("train", "validation", "test")


def data(run: RunRecord) -> Iterator[str]:
    """Yield a sentence for each dataset, for the held-out sets, and for each thing left out."""
    for name, own in run.datasets.items():
        yield f"{name}: {_size(run, name)}{_belongs(own)}{_file(run, 'train', name)}."
    for split in SPLITS[1:]:
        names = [name for name in run.datasets if _path(run, split, name) is not None]
        if names:
            shown = [f"{name}{_file(run, split, name)}" for name in names]
            yield f"{split.capitalize()} set: {listed(shown)}."
    yield from _left_out(run)


def _size(run: RunRecord, name: str) -> str:
    """Return the number of training sentences, if it is known."""
    sentences = run.datasets[name].get("sentences")
    return "training data" if sentences is None else number(sentences, "training sentence")


def _belongs(own: Mapping[str, Any]) -> str:
    """Say to which task and domain a dataset belongs."""
    head, domain = own.get("head"), own.get("domain")
    task = ", without labels" if head is None else f" of task {head}"
    if own.get("task") == "segmentation":
        task += " (words)"
    if own.get("annotated_types"):
        task += f", only {listed(own['annotated_types'])} annotated"
    return task + (f", domain {domain}" if domain not in (None, head) else "")


def _file(run: RunRecord, split: str, name: str) -> str:
    path = _path(run, split, name)
    return "" if path is None else f" ({path})"


def _path(run: RunRecord, split: str, name: str) -> str | None:
    """Return the path of a split of a dataset; None if it has none."""
    paths = run.config.get(f"{split}_data_path")
    if isinstance(paths, str):
        return paths if len(run.datasets) == 1 else None
    return paths.get(name) if isinstance(paths, Mapping) else None


def _left_out(run: RunRecord) -> Iterator[str]:
    """Yield what readers changed or skipped, and what was left out or contradicts itself."""
    leaked = {name: run.metrics.get(f"leaked_sentences_{name}") or 0 for name in run.datasets}
    for name, count in leaked.items():
        if count:
            yield (
                f"{name}: {number(count, 'training sentence')} left out, as they equal or contain"
                " a sentence of validation or test."
            )
    for task in run.tasks:
        if count := run.metrics.get(f"contradicting_sentences_{task}"):
            yield (
                f"{task}: {number(count, 'training sentence')} with the same text as others and"
                " other labels. They are not left out."
            )
    read = list(_read(run))
    yield from read
    if run.state == FINISHED and not read and not any(leaked.values()):
        yield "Nothing was left out or repaired."


def _read(run: RunRecord) -> Iterator[str]:
    """Yield what readers changed or skipped: the metrics `reading_<dataset>_<split>_<what>`."""
    for name in run.datasets:
        for split in SPLITS:
            prefix = f"reading_{name}_{split}_"
            for key, count in run.metrics.items():
                if key.startswith(prefix):
                    what = key.removeprefix(prefix).replace("_", " ")
                    yield f"{name}, {split}: {count:,} {what}."
