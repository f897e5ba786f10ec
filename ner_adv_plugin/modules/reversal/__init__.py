"""Schedules of the gradient reversal's scale."""

from ner_adv_plugin.modules.reversal.constant import ConstantReversal
from ner_adv_plugin.modules.reversal.dann import DannReversal
from ner_adv_plugin.modules.reversal.schedule import ReversalSchedule

__all__ = ["ConstantReversal", "DannReversal", "ReversalSchedule"]
