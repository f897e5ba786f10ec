"""Optimizers under their AllenNLP names."""

from ner_adv_plugin.training.optimization.optimizers.adadelta import AdadeltaOptimizer
from ner_adv_plugin.training.optimization.optimizers.adagrad import AdagradOptimizer
from ner_adv_plugin.training.optimization.optimizers.adam import AdamOptimizer
from ner_adv_plugin.training.optimization.optimizers.adamax import AdamaxOptimizer
from ner_adv_plugin.training.optimization.optimizers.adamw import AdamWOptimizer
from ner_adv_plugin.training.optimization.optimizers.huggingface_adafactor import HuggingfaceAdafactorOptimizer
from ner_adv_plugin.training.optimization.optimizers.huggingface_adamw import HuggingfaceAdamWOptimizer
from ner_adv_plugin.training.optimization.optimizers.optimizer import Optimizer, ParameterGroups
from ner_adv_plugin.training.optimization.optimizers.rmsprop import RmsPropOptimizer
from ner_adv_plugin.training.optimization.optimizers.sgd import SgdOptimizer

__all__ = [
    "AdadeltaOptimizer",
    "AdagradOptimizer",
    "AdamaxOptimizer",
    "HuggingfaceAdafactorOptimizer",
    "RmsPropOptimizer",
    "AdamOptimizer",
    "AdamWOptimizer",
    "HuggingfaceAdamWOptimizer",
    "Optimizer",
    "ParameterGroups",
    "SgdOptimizer",
]
