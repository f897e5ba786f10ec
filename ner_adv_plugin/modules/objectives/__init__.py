"""Objectives: losses beside the heads', on what towers share."""

from ner_adv_plugin.modules.objectives.domain_adversarial import DomainAdversarial
from ner_adv_plugin.modules.objectives.objective import LazyObjective, Objective, Statistics

__all__ = ["DomainAdversarial", "LazyObjective", "Objective", "Statistics"]
