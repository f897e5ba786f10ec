"""Building blocks of models: encoders, towers, heads and objectives.

The names re-exported here are those that a custom component needs.
"""

from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder

from ner_adv_plugin.modules.discriminator_losses import DiscriminatorLoss
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.heads import Head, Readings, SpanHead, TaggingHead
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.pooling import Pooling
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TaskTower, TowerStates

__all__ = [
    "DiscriminatorLoss",
    "Encoder",
    "Head",
    "Readings",
    "SpanHead",
    "TaggingHead",
    "Objective",
    "Pooling",
    "Schedule",
    "Seq2SeqEncoder",
    "Statistics",
    "TaskTower",
    "TowerStates",
]
