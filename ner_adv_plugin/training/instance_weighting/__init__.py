"""Instance weighting: weights of training sentences in the loss."""

from ner_adv_plugin.training.instance_weighting.confidence import Confidence
from ner_adv_plugin.training.instance_weighting.domain_similarity import DomainSimilarity
from ner_adv_plugin.training.instance_weighting.instance_weighting import (
    InstanceWeighting,
    set_weights,
)

__all__ = ["Confidence", "DomainSimilarity", "InstanceWeighting", "set_weights"]
