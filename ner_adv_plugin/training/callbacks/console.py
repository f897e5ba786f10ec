"""Log one line per epoch."""

import logging
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.training_run import TrainingRun

logger = logging.getLogger(__name__)


@TrainerCallback.register("console_logger")
class ConsoleCallback(TrainerCallback):
    """Log losses, accuracies and F1 scores after every epoch; part of every run.

    `<task>_loss` and `validation_<task>_loss` are in nats per character; `loss` is the total that
    is optimized.

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
        shown = [f"{_label(name)} {metrics[name]:.4f}" for name in _shown(metrics)]
        validated = any(name.startswith("validation_") for name in metrics)
        best = " (best so far)" if validated and metrics.get("best_epoch") == epoch else ""

        logger.info("epoch %d of %d: %s%s", epoch + 1, trainer.num_epochs, ", ".join(shown), best)


def _shown(metrics: Mapping[str, Any]) -> list[str]:
    """Return the names of the metrics to show, those of training first."""
    training = [
        name
        for name in metrics
        if name.startswith("training_")
        and name.endswith(("loss", "accuracy"))
        and not name.endswith("_optimized_loss")
    ]
    # The sum of the validation losses of all tasks is left out.
    validation = [
        name
        for name in metrics
        if name.startswith("validation_")
        and name.endswith(("_loss", "_f1"))
        and name != "validation_loss"
    ]
    return training + validation


def _label(name: str) -> str:
    """Shorten a name: only the validation losses, of which training has some, keep their prefix."""
    short = name.removeprefix("training_")
    return short if short.endswith("_loss") else short.removeprefix("validation_")
