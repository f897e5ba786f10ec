"""Attacks: perturbations of embeddings that increase the loss."""

from ner_adv_plugin.training.steps.attacks.attack import Attack
from ner_adv_plugin.training.steps.attacks.fgm import FastGradientMethod
from ner_adv_plugin.training.steps.attacks.pgd import ProjectedGradientDescent

__all__ = ["Attack", "FastGradientMethod", "ProjectedGradientDescent"]
