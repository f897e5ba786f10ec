"""Optimizers under their AllenNLP names."""

from ner_adv_plugin.training.optimizers.adam import AdamOptimizer
from ner_adv_plugin.training.optimizers.adamw import AdamWOptimizer
from ner_adv_plugin.training.optimizers.huggingface_adamw import HuggingfaceAdamWOptimizer
from ner_adv_plugin.training.optimizers.optimizer import Optimizer, ParameterGroups
from ner_adv_plugin.training.optimizers.sgd import SgdOptimizer

__all__ = [
    "AdamOptimizer",
    "AdamWOptimizer",
    "HuggingfaceAdamWOptimizer",
    "Optimizer",
    "ParameterGroups",
    "SgdOptimizer",
]
