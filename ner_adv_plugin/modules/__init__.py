"""Modules: encoders, towers, heads, objectives. What follows is what a component of one's own needs."""

from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder

from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import Head, HeadOutput
from ner_adv_plugin.modules.objectives import Objective, Statistics
from ner_adv_plugin.modules.reversal import ReversalSchedule
from ner_adv_plugin.modules.towers import TowerStates

__all__ = [
    "Encoder",
    "Head",
    "HeadOutput",
    "Objective",
    "ReversalSchedule",
    "Seq2SeqEncoder",
    "Statistics",
    "TowerStates",
]
