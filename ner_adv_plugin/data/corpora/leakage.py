"""Leakage: training sentences that hold a sentence of a validation or test set."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.corpora.containment import candidates, may_stand_inside, normalise
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.reading.instance_table import InstanceTable

logger = logging.getLogger(__name__)


class HeldOutTexts:
    """Answers which training texts equal, or hold, one of the held-out ones.

    # Parameters

    texts : of validation and test sentences.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._whole = {normalise(text) for text in texts}
        self._long = [text for text in self._whole if may_stand_inside(text)]

    def held_by(self, texts: Sequence[str]) -> list[bool]:
        """For each text whether it, normalised, equals one of them, or contains one of 8 or more letters and digits."""
        own = [normalise(text) for text in texts]
        leaks = [text in self._whole for text in own]
        for i, places in candidates(self._long, own):
            for place in places:
                leaks[place] = leaks[place] or self._long[i] in own[place]
        return leaks


def without_leaks(
    train: Mapping[str, Sequence[Instance]],
    held_out: Iterable[Sequence[Instance]],
    leakage: Literal["drop", "error", "allow"],
) -> tuple[dict[str, InstanceTable], dict[str, int]]:
    """Training sentences without those that hold a validation or test sentence of any dataset.

    # Parameters

    train : training sentences by dataset.
    held_out : sentences of every validation and test set.
    leakage : "drop" leaves such sentences out and says how many, "error" raises `UserError`, "allow" keeps them.

    # Returns

    The sentences that stay, and the number of leaked sentences of every dataset.
    """
    held = HeldOutTexts(
        text for sentences in held_out for text in InstanceTable.of(sentences).texts()
    )
    clean: dict[str, InstanceTable] = {}
    leaked: dict[str, int] = {}
    for name, given in train.items():
        sentences = InstanceTable.of(given)
        leaks = np.array(
            [leak for part in sentences.parts() for leak in held.held_by(list(part.texts()))],
            dtype=bool,
        )
        kept = sentences.select(np.flatnonzero(~leaks)) if leaks.any() else sentences
        leaked[name] = len(sentences) - len(kept)
        clean[name] = sentences if leakage == "allow" else kept
        if not leaked[name]:
            continue
        found = f"{name}: {leaked[name]} of {len(sentences)} training sentences hold a validation or test sentence"
        if leakage == "error":
            raise UserError(f'{found}; data_loader.leakage: "drop" leaves them out')
        logger.warning(
            "%s: %s", found, "left out" if leakage == "drop" else "kept, as the config says"
        )
        if not clean[name]:
            raise UserError(f"{name}: every training sentence holds a validation or test sentence")
    return clean, leaked
