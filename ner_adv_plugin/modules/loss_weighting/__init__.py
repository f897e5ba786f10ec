"""Loss weighting: weights of the task losses."""

from ner_adv_plugin.modules.loss_weighting.dynamic_average import DynamicWeightAverage
from ner_adv_plugin.modules.loss_weighting.fixed import FixedWeighting
from ner_adv_plugin.modules.loss_weighting.grad_norm import GradNorm
from ner_adv_plugin.modules.loss_weighting.loss_weighting import LazyLossWeighting, LossWeighting
from ner_adv_plugin.modules.loss_weighting.uncertainty import UncertaintyWeighting

__all__ = [
    "DynamicWeightAverage",
    "FixedWeighting",
    "GradNorm",
    "LazyLossWeighting",
    "LossWeighting",
    "UncertaintyWeighting",
]
