"""Pooling: from the states of a sequence's characters to one vector."""

from ner_adv_plugin.modules.pooling.max import MaxPooling
from ner_adv_plugin.modules.pooling.mean import MeanPooling
from ner_adv_plugin.modules.pooling.pooling import LazyPooling, Pooling, build_pooling
from ner_adv_plugin.modules.pooling.self_attention import SelfAttentionPooling

__all__ = [
    "LazyPooling",
    "MaxPooling",
    "MeanPooling",
    "Pooling",
    "SelfAttentionPooling",
    "build_pooling",
]
