"""Attacks: perturbations of embeddings that raise the loss."""

from ner_adv_plugin.training.attacks.attack import Attack
from ner_adv_plugin.training.attacks.fgm import FastGradientMethod
from ner_adv_plugin.training.attacks.pgd import ProjectedGradientDescent

__all__ = ["Attack", "FastGradientMethod", "ProjectedGradientDescent"]
