"""Comparison of two runs of the same config, except for times and memory."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tests.tiny import OF_THE_MACHINE, weights

# Logs contain times and process ids.
LOGS = re.compile(r"(stages/[^/]+/)?(out\.log|log(/.*)?)")


def differences(folder: Path, reference: Path) -> list[str]:
    """Return the differences between the folders of two runs, compared bit by bit."""
    ours, theirs = _files(folder), _files(reference)
    found = [
        f"{name} is {'left over' if name in ours else 'missing'}" for name in sorted(ours ^ theirs)
    ]
    for name in sorted(ours & theirs):
        mine, its = (_content(path / name) for path in (folder, reference))
        found += [f"{name}: {place}" for place in _different(mine, its)]
    for split in ("train", "validation"):
        mine, its = curves(folder, split), curves(reference, split)
        found += [f"curve {split}/{tag}" for tag in _different(mine, its)]
    return found


def curves(folder: Path, split: str) -> dict[str, list[tuple[int, float]]]:
    """Return steps and values of every curve of a run, read by TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "log" / split)).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def _files(folder: Path) -> set[str]:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not LOGS.fullmatch(name)}


def _content(path: Path) -> dict[str, Any]:
    """Return the content of a file as values by path."""
    if path.suffix == ".th":
        return dict(_leaves(weights(path)))
    if path.suffix == ".json":
        return dict(_leaves(json.loads(path.read_text(encoding="utf-8"))))
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            files = [(member.name, archive.extractfile(member)) for member in archive]
            return {name: file and file.read() for name, file in files}
    return {"": path.read_bytes()}


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of all leaves, except for those that depend on the machine."""
    if any(part in place for part in OF_THE_MACHINE):
        return
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from _leaves(child, f"{place}.{key}" if place else str(key))
    else:
        yield place, value


def _different(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    places = sorted(ours.keys() ^ theirs.keys())
    return places + [
        place for place in ours.keys() & theirs.keys() if not _same(ours[place], theirs[place])
    ]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return type(one) is type(other) and bool(one == other)
