"""Schedules: factors that change over training."""

from ner_adv_plugin.modules.schedules.constant import ConstantSchedule
from ner_adv_plugin.modules.schedules.dann import DannSchedule
from ner_adv_plugin.modules.schedules.gradient_share import GradientShare
from ner_adv_plugin.modules.schedules.linear_warmup import LinearWarmupSchedule
from ner_adv_plugin.modules.schedules.schedule import Schedule

__all__ = [
    "ConstantSchedule",
    "DannSchedule",
    "GradientShare",
    "LinearWarmupSchedule",
    "Schedule",
]
