"""The number of finished epochs, for models that depend on it."""

from typing import Any

from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.training_run import TrainingRun


@TrainerCallback.register("track_epoch_callback")
@TrainerCallback.register("track_epoch")
class TrackEpochCallback(TrainerCallback):
    """Set `model.epoch` to the number of finished epochs, for the model's forward pass to read.

    Registered as "track_epoch", and as "track_epoch_callback", AllenNLP's name.

    # Parameters

    serialization_dir : supplied.

    # Example

    ```jsonnet
    { type: 'track_epoch' }
    ```
    """

    every_process = True

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`."""
        trainer.model.epoch = trainer.epoch  # type: ignore[assignment]

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        """See `TrainerCallback.on_epoch`."""
        trainer.model.epoch = epoch + 1  # type: ignore[assignment]
