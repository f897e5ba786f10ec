"""Heads: from a task's states to its tags."""

from ner_adv_plugin.modules.heads.crf import CrfHead
from ner_adv_plugin.modules.heads.head import Head, HeadOutput, LazyHead
from ner_adv_plugin.modules.heads.pytorch_crf import PytorchCrfHead
from ner_adv_plugin.modules.heads.softmax import SoftmaxHead

__all__ = ["CrfHead", "Head", "HeadOutput", "LazyHead", "PytorchCrfHead", "SoftmaxHead"]
