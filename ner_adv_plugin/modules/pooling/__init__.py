"""Pooling: one vector per sequence from the states of its characters."""

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
