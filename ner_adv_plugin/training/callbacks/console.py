"""Log one line per epoch and, without a terminal, one every 30 seconds."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.progress import Pace, bars_are_shown
from ner_adv_plugin.modules.statistics import Statistics, add_statistics, averages
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.training_run import TrainingRun

logger = logging.getLogger(__name__)


@TrainerCallback.register("console_logger")
class ConsoleCallback(TrainerCallback):
    """Log losses, accuracies and F1 scores after every epoch; part of every run.

    `<task>_loss` and `validation_<task>_loss` are in nats per character; `loss` is the total that
    is optimized.

    Where no progress bar is shown, a line every 30 seconds (10 with `--file-friendly-logging`) has
    the step, the number of steps of the whole run, the mean loss since the last line, and the
    remaining time if no epoch is spared by `patience`.

    Registered as "console_logger".

    # Parameters

    serialization_dir : supplied.

    # Example

    ```jsonnet
    { type: 'console_logger' }
    ```
    """

    # Replaced by tests.
    clock = staticmethod(time.monotonic)

    def __init__(self, serialization_dir: str) -> None:
        super().__init__(serialization_dir)
        self._pace: Pace | None = None
        self._losses: Statistics = {}

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`."""
        self._losses = {}
        self._pace = (
            None
            if bars_are_shown()
            else Pace(trainer.total_steps, trainer.steps_done, clock=self.clock)
        )

    def on_backward(self, trainer: TrainingRun, batch_metrics: Statistics) -> None:
        """See `TrainerCallback.on_backward`."""
        if self._pace is not None:
            # A tensor may stay on its device until a line is due.
            add_statistics(self._losses, {"loss": batch_metrics["loss"]})

    def on_batch(
        self, trainer: TrainingRun, epoch: int, batch_number: int, is_training: bool
    ) -> None:
        """See `TrainerCallback.on_batch`."""
        if self._pace is None or not self._pace.is_due():
            return

        logger.info(
            "step %d of %d (epoch %d of %d): loss %.4f, about %s left",
            trainer.steps_done,
            trainer.total_steps,
            epoch + 1,
            trainer.num_epochs,
            averages(self._losses)["loss"],
            self._pace.left(trainer.steps_done),
        )
        self._losses = {}

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
