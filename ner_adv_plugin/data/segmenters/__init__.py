"""Segmenters: the words of a text, for whole-word masking."""

from ner_adv_plugin.data.segmenters.characters import CharacterSegmenter
from ner_adv_plugin.data.segmenters.jieba import JiebaSegmenter
from ner_adv_plugin.data.segmenters.segmenter import Segmenter

__all__ = ["CharacterSegmenter", "JiebaSegmenter", "Segmenter"]
