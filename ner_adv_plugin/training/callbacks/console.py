"""Log one line per epoch."""

import logging
from typing import Any

from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.training_run import TrainingRun

logger = logging.getLogger(__name__)


@TrainerCallback.register("console_logger")
class ConsoleCallback(TrainerCallback):
    """Log losses, accuracies and F1 scores after every epoch; part of every run.

    Registered as "console_logger".

    # Parameters

    serialization_dir : supplied.

    # Example

    ```jsonnet
    { type: 'console_logger' }
    ```
    """

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        """See `TrainerCallback.on_epoch`."""
        shown = [
            f"{name.removeprefix(prefix)} {value:.4f}"
            for prefix, suffixes in (("training_", ("loss", "accuracy")), ("validation_", ("_f1",)))
            for name, value in metrics.items()
            if name.startswith(prefix) and name.endswith(suffixes)
        ]
        best = " (best so far)" if metrics.get("best_epoch") == epoch else ""

        logger.info("epoch %d of %d: %s%s", epoch + 1, trainer.num_epochs, ", ".join(shown), best)
