"""Normalisers: how a text is shown to the encoder, one registered class per file."""

from ner_adv_plugin.data.reading.normalisers.lowercase import LowercaseNormaliser
from ner_adv_plugin.data.reading.normalisers.markup import MarkupNormaliser
from ner_adv_plugin.data.reading.normalisers.nfkc import NfkcNormaliser
from ner_adv_plugin.data.reading.normalisers.normaliser import CharacterNormaliser, Normaliser
from ner_adv_plugin.data.reading.normalisers.simplified import SimplifiedNormaliser

__all__ = [
    "CharacterNormaliser",
    "LowercaseNormaliser",
    "MarkupNormaliser",
    "NfkcNormaliser",
    "Normaliser",
    "SimplifiedNormaliser",
]
