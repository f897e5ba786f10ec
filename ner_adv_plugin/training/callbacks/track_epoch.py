"""The epoch, for models that want to know it."""

from typing import Any

from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.training_run import TrainingRun


@TrainerCallback.register("track_epoch_callback")
@TrainerCallback.register("track_epoch")
class TrackEpochCallback(TrainerCallback):
    """Sets `model.epoch` to the number of epochs done, from 0, for the model's forward to read.

    Registered as "track_epoch", and as "track_epoch_callback", AllenNLP's name.

    # Parameters

    serialization_dir : supplied.
    """

    every_process = True

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`."""
        trainer.model.epoch = trainer.epoch  # type: ignore[assignment]

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        """See `TrainerCallback.on_epoch`."""
        trainer.model.epoch = epoch + 1  # type: ignore[assignment]
