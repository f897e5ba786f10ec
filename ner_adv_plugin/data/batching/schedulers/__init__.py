"""Schedulers: how the sentences of an epoch are arranged into batches."""

from ner_adv_plugin.data.batching.schedulers.balanced import BalancedScheduler
from ner_adv_plugin.data.batching.schedulers.half_and_half import HalfAndHalfScheduler
from ner_adv_plugin.data.batching.schedulers.homogeneous_roundrobin import (
    HomogeneousRoundRobinScheduler,
)
from ner_adv_plugin.data.batching.schedulers.mixed import MixedScheduler
from ner_adv_plugin.data.batching.schedulers.roundrobin import RoundRobinScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import MultiTaskScheduler

__all__ = [
    "BalancedScheduler",
    "HalfAndHalfScheduler",
    "HomogeneousRoundRobinScheduler",
    "MixedScheduler",
    "MultiTaskScheduler",
    "RoundRobinScheduler",
]
