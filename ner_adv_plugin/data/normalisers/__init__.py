"""Normalisers: one registered class per file."""

from ner_adv_plugin.data.normalisers.lowercase import LowercaseNormaliser
from ner_adv_plugin.data.normalisers.markup import MarkupNormaliser
from ner_adv_plugin.data.normalisers.nfkc import NfkcNormaliser
from ner_adv_plugin.data.normalisers.normaliser import CharacterNormaliser, Normaliser
from ner_adv_plugin.data.normalisers.simplified import SimplifiedNormaliser

__all__ = [
    "CharacterNormaliser",
    "LowercaseNormaliser",
    "MarkupNormaliser",
    "NfkcNormaliser",
    "Normaliser",
    "SimplifiedNormaliser",
]
