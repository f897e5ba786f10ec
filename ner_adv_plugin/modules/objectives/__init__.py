"""Objectives: auxiliary losses on the states of towers."""

from ner_adv_plugin.modules.objectives.adversary import Adversary
from ner_adv_plugin.modules.objectives.conditional_adversarial import ConditionalAdversarial
from ner_adv_plugin.modules.objectives.coral import Coral
from ner_adv_plugin.modules.objectives.discriminator import Discriminator
from ner_adv_plugin.modules.objectives.domain_adversarial import DomainAdversarial
from ner_adv_plugin.modules.objectives.mmd import Mmd
from ner_adv_plugin.modules.objectives.objective import LazyObjective, Objective, objectives_of
from ner_adv_plugin.modules.objectives.orthogonality import Orthogonality
from ner_adv_plugin.modules.objectives.wasserstein import WassersteinCritic

__all__ = [
    "Adversary",
    "ConditionalAdversarial",
    "Coral",
    "Discriminator",
    "DomainAdversarial",
    "LazyObjective",
    "Mmd",
    "Objective",
    "Orthogonality",
    "WassersteinCritic",
    "objectives_of",
]
