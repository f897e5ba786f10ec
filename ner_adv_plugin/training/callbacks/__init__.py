"""Callbacks: what is done beside training, at its turns."""

from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.console import ConsoleCallback
from ner_adv_plugin.training.callbacks.tensorboard import TensorBoardCallback

__all__ = ["ConsoleCallback", "TensorBoardCallback", "TrainerCallback"]
