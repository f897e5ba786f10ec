"""Encoders: one state for each character."""

from ner_adv_plugin.modules.encoders.character_embedding import CharacterEmbedding
from ner_adv_plugin.modules.encoders.encoder import Encoder
from ner_adv_plugin.modules.encoders.lexicon import LexiconEncoder
from ner_adv_plugin.modules.encoders.perturbation import Perturbation
from ner_adv_plugin.modules.encoders.pretrained_transformer import PretrainedTransformer

__all__ = [
    "CharacterEmbedding",
    "Encoder",
    "LexiconEncoder",
    "Perturbation",
    "PretrainedTransformer",
]
