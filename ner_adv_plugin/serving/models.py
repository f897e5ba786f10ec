"""The models that a server answers with."""

import datetime
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference.tagger import Reading, Tagger

NAME = re.compile(r"[\w.-]{1,64}")
# Taggers kept at a time: one for each head and number of readings.
TAGGERS = 64


class ServedModel:
    """An archive under a name, with a tagger for each head and number of readings.

    # Parameters

    name : its name in requests.
    archive : the archive, with all heads that shall be served.
    version : what tells a retrained model from the old one.
    batch_size : maximum number of texts that the model computes together.
    """

    def __init__(
        self, name: str, archive: Archive, version: str = "", batch_size: int = 64
    ) -> None:
        self.name = name
        self.archive = archive
        self.version = version or name
        self.batch_size = batch_size
        self._taggers: dict[tuple[str, int | None], Tagger] = {}

    @property
    def default_head(self) -> str:
        """See `Archive.default_head`."""
        return self.archive.default_head

    @cached_property
    def heads(self) -> dict[str, dict[str, Any]]:
        """Task, types and properties of each head, as JSON."""
        model = self.archive.model
        found = {}
        for head in self.archive.heads:
            space = model.vocab.label_space(head)
            found[head] = {
                "task": "segmentation" if space.segmentation else "ner",
                "types": [] if space.segmentation else list(space.types),
                "overlapping": model.scheme(head) is None and not space.segmentation,
            }
        return found

    def segments(self, head: str) -> bool:
        """Return whether a head predicts words."""
        return bool(self.heads[head]["task"] == "segmentation")

    def tagger(self, head: str, n_best: int | None) -> Tagger:
        """Return the tagger of a head.

        # Raises

        UserError : if the head does not rank readings.
        """
        key = (head, n_best)
        if key not in self._taggers:
            while len(self._taggers) >= TAGGERS:
                self._taggers.pop(next(iter(self._taggers)))
            self._taggers[key] = Tagger(self.archive, head, self.batch_size, n_best)
        return self._taggers[key]

    def readings(self, head: str, n_best: int | None, texts: Sequence[str]) -> list[list[Reading]]:
        """Return the best readings of texts; see `Tagger.readings`."""
        return self.tagger(head, n_best).readings([Instance(text) for text in texts])


def load_models(archives: Sequence[str], cuda_device: int = -1) -> list[ServedModel]:
    """Load archives by name, the first one of which is the default.

    # Parameters

    archives : for each, `PATH` or `NAME=PATH`; by default the name is that of the folder.
    cuda_device : the index of a GPU, or -1 for the CPU.

    # Raises

    UserError : if a name is not valid, or two are the same.
    """
    named = [_named(text) for text in archives]
    names = [name for name, _ in named]
    for name, path in named:
        if not NAME.fullmatch(name):
            raise UserError(
                f'"{name}" is no name for {path}: expected at most 64 letters, digits, "-", "_" '
                'and ".". Set one: NAME=PATH.'
            )
        if names.count(name) > 1:
            raise UserError(f'two archives have the name "{name}". Set others: NAME=PATH.')
    return [
        ServedModel(name, _load(path, cuda_device), _version(name, path)) for name, path in named
    ]


def _named(text: str) -> tuple[str, str]:
    """Return name and path of an argument."""
    name, equals, path = text.partition("=")
    if equals and not Path(text).exists() and "/" not in name:
        return name, path
    last = Path(text).resolve() if Path(text).exists() else Path(text)
    return (last.parent.name if last.name.endswith(".tar.gz") else last.name), text


def _load(path: str, cuda_device: int) -> Archive:
    """Load an archive with all of its heads, without what only training needs."""
    archive = load_archive(path, cuda_device, only_heads=[])
    if len(archive.heads) > 1:
        archive = load_archive(path, cuda_device, only_heads=archive.heads)
    return archive


def _version(name: str, path: str) -> str:
    """Return name and date of an archive; the date of now if it is not a local file."""
    local = Path(path)
    now = datetime.datetime.now(datetime.UTC)
    made = (
        datetime.datetime.fromtimestamp(local.stat().st_mtime, datetime.UTC)
        if local.exists()
        else now
    )
    return f"{name} {made:%Y-%m-%d %H:%M:%S}"
