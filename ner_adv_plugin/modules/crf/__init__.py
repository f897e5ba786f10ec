"""Linear-chain conditional random field: likelihood, marginals and decoding."""

from ner_adv_plugin.modules.crf.conditional_random_field import ConditionalRandomField
from ner_adv_plugin.modules.crf.n_best import NBest
from ner_adv_plugin.modules.crf.span_marginals import span_probabilities

__all__ = ["ConditionalRandomField", "NBest", "span_probabilities"]
