"""Losses of discriminators."""

from ner_adv_plugin.modules.discriminator_losses.cross_entropy import CrossEntropy
from ner_adv_plugin.modules.discriminator_losses.discriminator_loss import (
    DiscriminatorLoss,
    LazyDiscriminatorLoss,
)
from ner_adv_plugin.modules.discriminator_losses.grad import Grad

__all__ = ["CrossEntropy", "DiscriminatorLoss", "Grad", "LazyDiscriminatorLoss"]
