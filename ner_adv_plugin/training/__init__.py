"""Training: the trainer, and base classes of custom components."""

from ner_adv_plugin.training.callbacks import TrainerCallback
from ner_adv_plugin.training.checkpoints.checkpointer import Checkpointer
from ner_adv_plugin.training.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.optimization.learning_rate_schedulers import LearningRateScheduler
from ner_adv_plugin.training.optimization.optimizers import Optimizer
from ner_adv_plugin.training.steps.step import TrainingStep
from ner_adv_plugin.training.trainer import Trainer
from ner_adv_plugin.training.training_run import TrainingRun

__all__ = [
    "Checkpointer",
    "InstanceWeighting",
    "LearningRateScheduler",
    "Optimizer",
    "Trainer",
    "TrainerCallback",
    "TrainingRun",
    "TrainingStep",
]
