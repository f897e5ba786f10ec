"""Compatibility forms of Unicode."""

import unicodedata
from dataclasses import dataclass

from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser


@Normaliser.register("nfkc")
@dataclass
class NfkcNormaliser(CharacterNormaliser):
    """Shows each character in its compatibility form: `Ａ` as `A`, `①` as `1`, U+3000 as a space. Registered as "nfkc".

    Characters are looked at one by one, so that a letter and its combining mark stay two. One whose form is several
    characters, such as `…` or `㎏`, stays as it is. Source: Unicode Standard Annex 15, form KC.
    """

    def form(self, character: str) -> str:
        """See `CharacterNormaliser.form`."""
        return unicodedata.normalize("NFKC", character)
