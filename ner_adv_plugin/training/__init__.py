"""Training. What follows is what a component of one's own needs."""

from ner_adv_plugin.training.callbacks import TrainerCallback
from ner_adv_plugin.training.checkpointer import Checkpointer
from ner_adv_plugin.training.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.learning_rate_schedulers import LearningRateScheduler
from ner_adv_plugin.training.optimizers import Optimizer
from ner_adv_plugin.training.trainer import Trainer
from ner_adv_plugin.training.training_step import TrainingStep

__all__ = [
    "Checkpointer",
    "InstanceWeighting",
    "LearningRateScheduler",
    "Optimizer",
    "Trainer",
    "TrainerCallback",
    "TrainingStep",
]
