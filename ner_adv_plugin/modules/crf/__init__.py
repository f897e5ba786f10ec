"""Linear-chain conditional random field: likelihood, marginals, decoding."""

from ner_adv_plugin.modules.crf.conditional_random_field import ConditionalRandomField

__all__ = ["ConditionalRandomField"]
