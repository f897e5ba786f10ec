"""Learning-rate schedulers under their AllenNLP names."""

from ner_adv_plugin.training.learning_rate_schedulers.constant import Constant
from ner_adv_plugin.training.learning_rate_schedulers.constant_with_warmup import ConstantWithWarmup
from ner_adv_plugin.training.learning_rate_schedulers.cosine_with_warmup import CosineWithWarmup
from ner_adv_plugin.training.learning_rate_schedulers.linear_with_warmup import LinearWithWarmup
from ner_adv_plugin.training.learning_rate_schedulers.scheduler import LearningRateScheduler

__all__ = ["Constant", "ConstantWithWarmup", "CosineWithWarmup", "LearningRateScheduler", "LinearWithWarmup"]
