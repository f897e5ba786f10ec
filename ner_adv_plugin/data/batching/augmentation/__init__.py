"""Augmentation: variations of training sentences, new in every epoch."""

from ner_adv_plugin.data.batching.augmentation.augmentation import Augmentation, Labelled, varied
from ner_adv_plugin.data.batching.augmentation.mention_replacement import MentionReplacement
from ner_adv_plugin.data.batching.augmentation.segment_shuffle import SegmentShuffle
from ner_adv_plugin.data.batching.augmentation.token_replacement import TokenReplacement

__all__ = [
    "Augmentation",
    "Labelled",
    "MentionReplacement",
    "SegmentShuffle",
    "TokenReplacement",
    "varied",
]
