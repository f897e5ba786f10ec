"""Samplers: how many rows of each dataset an epoch draws."""

from ner_adv_plugin.data.samplers.proportional import ProportionalSampler
from ner_adv_plugin.data.samplers.sampler import MultiTaskEpochSampler
from ner_adv_plugin.data.samplers.uniform import UniformSampler
from ner_adv_plugin.data.samplers.weighted import WeightedSampler

__all__ = ["MultiTaskEpochSampler", "ProportionalSampler", "UniformSampler", "WeightedSampler"]
