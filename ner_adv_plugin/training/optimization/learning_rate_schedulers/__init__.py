"""Learning-rate schedulers under their AllenNLP names."""

from ner_adv_plugin.training.optimization.learning_rate_schedulers.constant import Constant
from ner_adv_plugin.training.optimization.learning_rate_schedulers.constant_with_warmup import ConstantWithWarmup
from ner_adv_plugin.training.optimization.learning_rate_schedulers.cosine_with_warmup import CosineWithWarmup
from ner_adv_plugin.training.optimization.learning_rate_schedulers.exponential import Exponential
from ner_adv_plugin.training.optimization.learning_rate_schedulers.linear_with_warmup import LinearWithWarmup
from ner_adv_plugin.training.optimization.learning_rate_schedulers.multi_step import MultiStep
from ner_adv_plugin.training.optimization.learning_rate_schedulers.noam import Noam
from ner_adv_plugin.training.optimization.learning_rate_schedulers.polynomial_decay import PolynomialDecay
from ner_adv_plugin.training.optimization.learning_rate_schedulers.reduce_on_plateau import ReduceOnPlateau
from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import LearningRateScheduler
from ner_adv_plugin.training.optimization.learning_rate_schedulers.slanted_triangular import SlantedTriangular
from ner_adv_plugin.training.optimization.learning_rate_schedulers.step import Step

__all__ = [
    "Constant",
    "ConstantWithWarmup",
    "CosineWithWarmup",
    "Exponential",
    "LearningRateScheduler",
    "LinearWithWarmup",
    "MultiStep",
    "Noam",
    "PolynomialDecay",
    "ReduceOnPlateau",
    "SlantedTriangular",
    "Step",
]
