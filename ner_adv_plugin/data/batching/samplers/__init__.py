"""Samplers: how many sentences of each dataset an epoch draws."""

from ner_adv_plugin.data.batching.samplers.curriculum import CurriculumSampler
from ner_adv_plugin.data.batching.samplers.loss_based import LossBasedSampler
from ner_adv_plugin.data.batching.samplers.proportional import ProportionalSampler
from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler
from ner_adv_plugin.data.batching.samplers.subsample_to_smallest import SubsampleToSmallestSampler
from ner_adv_plugin.data.batching.samplers.uniform import UniformSampler
from ner_adv_plugin.data.batching.samplers.weighted import WeightedSampler

__all__ = [
    "CurriculumSampler",
    "LossBasedSampler",
    "MultiTaskEpochSampler",
    "ProportionalSampler",
    "SubsampleToSmallestSampler",
    "UniformSampler",
    "WeightedSampler",
]
