"""Words by a trained segmentation model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.archives.archive import load_archive
from ner_adv_plugin.common.errors import ConfigurationError, nearest, nearest_file
from ner_adv_plugin.common.files import is_url, local_path
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.segmenters import Segmenter
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.predictions import predict_dataset
from ner_adv_plugin.inference.tagger import Tagger


@Segmenter.register("archive")
class ArchiveSegmenter(Segmenter):
    """Words by a segmentation model of this package; a whole dataset is segmented before training.

    Registered as "archive". The words are not stored in the archive of the new run.

    # Parameters

    path : path or URL of a `model.tar.gz`, or the folder of a run.
    head : name of a head that segments words; null if the archive has only one.
    batch_size : maximum number of sentences in a batch.

    # Example

    ```jsonnet
    { type: 'archive', path: 'runs/words/model.tar.gz' }
    ```
    """

    ahead = True

    def __init__(self, path: str, head: str | None = None, batch_size: int = 64) -> None:
        self._path = path
        self._head = head
        self._batch_size = batch_size
        self._tagger: Tagger | None = None

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the archive exists and has such a head."""
        path = settings["path"]
        if context.run is None or is_url(path):
            return
        if not Path(path).exists():
            raise ConfigurationError(f'no such archive "{path}".{nearest_file(Path(path))}', "path")
        _head_of(path, settings["head"])

    @classmethod
    def files_read(cls, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """See `Registrable.files_read`: the archive."""
        return {"path": settings["path"]}

    def words(self, texts: Sequence[str]) -> list[list[int]]:
        """See `Segmenter.words`."""
        if self._tagger is None:
            head = _head_of(self._path, self._head)
            # Fresh weights, soon replaced, must not use up random numbers of the run.
            with torch.random.fork_rng(devices=[]):
                self._tagger = Tagger(load_archive(self._path, only_heads=[head]), head)
        tagger = self._tagger
        dataset = tagger.encoded([Instance(text) for text in texts])
        found = predict_dataset(
            tagger.archive.model, dataset, tagger.head, self._batch_size, "segmenting", scored=False
        )
        return [[word.end - word.start for word in words or ()] for words in found.spans]


def _head_of(path: str, head: str | None) -> str:
    """Return the name of the head of an archive that segments words."""
    source = local_path(path)
    folder = source / "vocabulary"
    vocab = Vocabulary.from_files(folder if folder.is_dir() else source)
    able = [name for name in vocab.heads if vocab.label_space(name).segmentation]
    shown = ", ".join(able) or "none"
    if head is not None and head not in able:
        raise ConfigurationError(
            f'"{path}" has no head "{head}" for words.{nearest(head, able)} Heads for words:'
            f" {shown}.",
            "head",
        )
    if head is None and len(able) != 1:
        raise ConfigurationError(
            f'expected an archive with one head that segments words, "{path}" has: {shown}',
            "head" if able else "path",
        )
    return head or able[0]
