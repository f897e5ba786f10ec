"""Linear-chain conditional random field: likelihood, marginals, decoding."""

from ner_adv_plugin.modules.crf.conditional_random_field import ConditionalRandomField, NBest
from ner_adv_plugin.modules.crf.path_distribution import PathDistribution

__all__ = ["ConditionalRandomField", "NBest", "PathDistribution"]
