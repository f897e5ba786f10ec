"""Leakage: training rows that hold a row of a validation or test set."""

import logging
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.instance import Instance

logger = logging.getLogger(__name__)

# A held-out row is looked for inside training rows from this many normalised characters on.
CONTAINED_FROM = 8


def normalise(text: str) -> str:
    """The text after NFKC, lower-cased, only letters and digits kept; as it stands where that leaves nothing."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(filter(str.isalnum, folded)) or text


class HeldOutTexts:
    """Answers whether a training text equals, or contains, one of the held-out ones.

    # Parameters

    texts : of validation and test rows.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._whole = {normalise(text) for text in texts}
        self._by_start: dict[str, list[str]] = {}
        for text in self._whole:
            if len(text) >= CONTAINED_FROM:
                self._by_start.setdefault(text[:CONTAINED_FROM], []).append(text)

    def holds(self, text: str) -> bool:
        """Whether the text, normalised, is one of them, or contains one long enough."""
        own = normalise(text)
        if own in self._whole:
            return True
        starts = self._by_start
        for i in range(len(own) - CONTAINED_FROM + 1):
            candidates = starts.get(own[i : i + CONTAINED_FROM])
            if candidates and any(own.startswith(candidate, i) for candidate in candidates):
                return True
        return False


def without_leaks(
    train: Mapping[str, list[Instance]],
    held_out: Iterable[list[Instance]],
    leakage: Literal["drop", "error", "allow"],
) -> tuple[dict[str, list[Instance]], dict[str, int]]:
    """Training rows without those that hold a validation or test row of any dataset.

    # Parameters

    train : training rows by dataset.
    held_out : rows of every validation and test set.
    leakage : "drop" leaves such rows out and says how many, "error" raises `UserError`, "allow" keeps them.

    # Returns

    The rows that stay, and the number of leaked rows of every dataset.
    """
    held = HeldOutTexts(row.text for rows in held_out for row in rows)
    clean: dict[str, list[Instance]] = {}
    leaked: dict[str, int] = {}
    for name, rows in train.items():
        kept = [row for row in rows if not held.holds(row.text)]
        leaked[name] = len(rows) - len(kept)
        clean[name] = rows if leakage == "allow" else kept
        if not leaked[name]:
            continue
        found = f"{name}: {leaked[name]} of {len(rows)} training rows hold a validation or test row"
        if leakage == "error":
            raise UserError(f'{found}; data_loader.leakage: "drop" leaves them out')
        logger.warning("%s: %s", found, "left out" if leakage == "drop" else "kept, as the config says")
        if not clean[name]:
            raise UserError(f"{name}: every training row holds a validation or test row")
    return clean, leaked
