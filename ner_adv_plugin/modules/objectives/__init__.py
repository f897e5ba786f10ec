"""Objectives: auxiliary losses on the states of towers."""

from ner_adv_plugin.modules.objectives.coral import Coral
from ner_adv_plugin.modules.objectives.domain_adversarial import DomainAdversarial
from ner_adv_plugin.modules.objectives.mmd import Mmd
from ner_adv_plugin.modules.objectives.objective import LazyObjective, Objective, Statistics
from ner_adv_plugin.modules.objectives.orthogonality import Orthogonality

__all__ = [
    "Coral",
    "DomainAdversarial",
    "LazyObjective",
    "Mmd",
    "Objective",
    "Orthogonality",
    "Statistics",
]
