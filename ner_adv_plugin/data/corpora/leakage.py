"""Leakage: training sentences that contain a sentence of a validation or test set."""

import functools
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.corpora.containment import GramIndex, is_searchable, normalise_all
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.corpus_cache import CorpusCache
from ner_adv_plugin.data.reading.instance_table import InstanceTable

logger = logging.getLogger(__name__)


class HeldOutTexts:
    """An index of held-out texts, which finds training texts that equal or contain one of them.

    # Parameters

    texts : texts of the validation and test sentences.

    # Examples

    >>> held_out = HeldOutTexts(["你好！", "我在北京天安门广场"])
    >>> held_out.find_in(["你好", "你好啊", "昨天，我在北京天安门广场。"])
    [True, False, True]
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._whole = set(normalise_all(list(texts)))
        self._long = [text for text in self._whole if is_searchable(text)]
        self._index = GramIndex(self._long)

    def find_in(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it equals or contains a held-out text.

        Texts are compared after normalisation; a held-out text is searched for within others only
        if it has 8 or more letters and digits.
        """
        if not self._whole:
            return [False] * len(texts)

        normalised = normalise_all(texts)
        leaks = [text in self._whole for text in normalised]
        for i, indices in self._index.candidates(normalised):
            for index in indices:
                leaks[index] = leaks[index] or self._long[i] in normalised[index]
        return leaks


def without_leaks(
    train: Mapping[str, Sequence[Instance]],
    held_out: Iterable[Sequence[Instance]],
    leakage: Literal["drop", "error", "allow"],
    cache: CorpusCache | None = None,
) -> tuple[dict[str, InstanceTable], dict[str, int]]:
    """Remove training sentences that contain a validation or test sentence of any dataset.

    # Parameters

    train : training sentences by dataset.
    held_out : sentences of every validation and test set.
    leakage : "drop" removes such sentences and logs how many, "error" raises an error, "allow"
        keeps them and logs how many.
    cache : has what was found before; None to search.

    # Returns

    The remaining sentences and the number of leaked sentences, both by dataset.

    # Raises

    UserError : if `leakage` is "error" and a sentence leaks, or if no training sentence of a
        dataset remains.
    """
    tables = [InstanceTable.of(sentences) for sentences in held_out]

    @functools.cache
    def index() -> HeldOutTexts:
        return HeldOutTexts(text for table in tables for text in table.texts())

    def found_in(sentences: InstanceTable) -> NDArray[np.bool_]:
        parts = (index().find_in(list(part.texts())) for part in sentences.parts())
        return np.array([leak for leaks in parts for leak in leaks], dtype=bool)

    clean: dict[str, InstanceTable] = {}
    leaked: dict[str, int] = {}
    for name, instances in train.items():
        sentences = InstanceTable.of(instances)
        find = functools.partial(found_in, sentences)
        leaks = find() if cache is None else cache.leaks(sentences, tables, find)
        kept = sentences.select(np.flatnonzero(~leaks)) if leaks.any() else sentences
        leaked[name] = len(sentences) - len(kept)
        clean[name] = sentences if leakage == "allow" else kept
        if not leaked[name]:
            continue

        message = (
            f"{name}: {leaked[name]} of {len(sentences)} training sentences contain a validation "
            "or test sentence"
        )
        if leakage == "error":
            raise UserError(f'{message}; set data_loader.leakage to "drop" to remove them')
        logger.warning(
            "%s: %s",
            message,
            "removed" if leakage == "drop" else 'kept, as data_loader.leakage is "allow"',
        )
        if not clean[name]:
            raise UserError(
                f"{name}: every training sentence contains a validation or test sentence"
            )
    return clean, leaked
