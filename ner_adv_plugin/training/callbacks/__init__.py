"""Callbacks: called on training events."""

from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.console import ConsoleCallback
from ner_adv_plugin.training.callbacks.log_writer import LogWriterCallback
from ner_adv_plugin.training.callbacks.reversal_health import ReversalHealthCallback
from ner_adv_plugin.training.callbacks.tensorboard import TensorBoardCallback
from ner_adv_plugin.training.callbacks.track_epoch import TrackEpochCallback
from ner_adv_plugin.training.callbacks.wandb import WandBCallback

__all__ = [
    "ConsoleCallback",
    "LogWriterCallback",
    "ReversalHealthCallback",
    "TensorBoardCallback",
    "TrackEpochCallback",
    "TrainerCallback",
    "WandBCallback",
]
