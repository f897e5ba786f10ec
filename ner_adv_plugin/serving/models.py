"""The models that a server answers with."""

import datetime
import re
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ner_adv_plugin.archives import Archive, load_archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.inference.ensemble import Ensemble
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
        """See `Archive.default_head`; the first of `heads` if that is not served."""
        default = self.archive.default_head
        return default if default in self.heads else next(iter(self.heads))

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
            self._taggers[key] = self._tagger(head, n_best)
        return self._taggers[key]

    def _tagger(self, head: str, n_best: int | None) -> Tagger:
        return Tagger(self.archive, head, self.batch_size, n_best)

    def readings(self, head: str, n_best: int | None, texts: Sequence[str]) -> list[list[Reading]]:
        """Return the best readings of texts; see `Tagger.readings`."""
        return self.tagger(head, n_best).readings([Instance(text) for text in texts])


class ServedEnsemble(ServedModel):
    """Archives that vote, under the name of the first; the heads are those that all of them have.

    # Parameters

    name, archive, version, batch_size : see `ServedModel`; the first archive.
    others : the other archives, with all of their heads.

    # Raises

    UserError : no head is in all archives, or they cannot vote with one; see `Ensemble`.
    """

    def __init__(
        self,
        name: str,
        archive: Archive,
        others: Sequence[Archive],
        version: str = "",
        batch_size: int = 64,
    ) -> None:
        super().__init__(name, archive, version, batch_size)
        self.others = others
        if not self.heads:
            known = "; ".join(f"{own.readers.archive}: {', '.join(own.heads)}" for own in others)
            raise UserError(
                f"--ensemble: none of the heads {', '.join(archive.heads)} is in all archives: "
                f"{known}"
            )
        for head in self.heads:
            self.tagger(head, None)

    @cached_property
    def heads(self) -> dict[str, dict[str, Any]]:
        """See `ServedModel.heads`."""
        common = set.intersection(*(set(own.heads) for own in self.others))
        return {head: own for head, own in super().heads.items() if head in common}

    def _tagger(self, head: str, n_best: int | None) -> Tagger:
        if n_best is not None:
            raise UserError("models that vote do not rank readings: leave n_best out")
        return Ensemble(self.archive, self.others, head, self.batch_size)


def load_models(
    archives: Sequence[str], cuda_device: int = -1, ensemble: Sequence[str] = ()
) -> list[ServedModel]:
    """Load archives by name, the first one of which is the default.

    # Parameters

    archives : for each, `PATH` or `NAME=PATH`; by default the name is that of the folder.
    cuda_device : the index of a GPU, or -1 for the CPU.
    ensemble : paths of archives that vote with the only one of `archives`.

    # Raises

    UserError : if a name is not valid, or two are the same, or if models cannot vote.
    """
    if ensemble and len(archives) > 1:
        raise UserError(f"--ensemble: expected one archive to vote with, found {len(archives)}")
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
    if ensemble:
        name, path = named[0]
        first, *others = (_load(own, cuda_device) for own in (path, *ensemble))
        return [ServedEnsemble(name, first, others, _version(name, path, *ensemble))]
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


def _version(name: str, *paths: str) -> str:
    """Return name and date of the newest archive; the date of now if one is no local file."""
    files = [Path(path) for path in paths]
    seconds = max(file.stat().st_mtime if file.exists() else time.time() for file in files)
    made = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{name} {made:%Y-%m-%d %H:%M:%S}"
