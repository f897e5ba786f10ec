"""Heads: spans from the states of towers."""

from ner_adv_plugin.modules.heads.biaffine import BiaffineHead
from ner_adv_plugin.modules.heads.crf import CrfHead
from ner_adv_plugin.modules.heads.global_pointer import GlobalPointerHead
from ner_adv_plugin.modules.heads.head import Head, LazyHead
from ner_adv_plugin.modules.heads.masked_lm import MaskedLmHead
from ner_adv_plugin.modules.heads.pytorch_crf import PytorchCrfHead
from ner_adv_plugin.modules.heads.readings import Readings
from ner_adv_plugin.modules.heads.softmax import SoftmaxHead
from ner_adv_plugin.modules.heads.span_head import SpanHead
from ner_adv_plugin.modules.heads.tagging_head import TaggingHead

__all__ = [
    "BiaffineHead",
    "CrfHead",
    "GlobalPointerHead",
    "Head",
    "LazyHead",
    "MaskedLmHead",
    "PytorchCrfHead",
    "Readings",
    "SoftmaxHead",
    "SpanHead",
    "TaggingHead",
]
