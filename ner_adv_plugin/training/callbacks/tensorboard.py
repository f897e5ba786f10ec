"""Curves in TensorBoard."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.layer_statistics import Histogram
from ner_adv_plugin.training.callbacks.log_writer import LogWriterCallback, Split
from ner_adv_plugin.training.training_run import TrainingRun


@TrainerCallback.register("tensorboard")
class TensorBoardCallback(LogWriterCallback):
    """Write curves, histograms and pictures for TensorBoard to `log/train` and `log/validation`.

    Registered as "tensorboard". `LogWriterCallback` lists the curves.

    # Parameters

    serialization_dir, summary_interval, distribution_interval : see `LogWriterCallback`.
    should_log_parameter_statistics, should_log_learning_rate : see `LogWriterCallback`.
    transition_pictures : see `LogWriterCallback`.

    # Example

    ```jsonnet
    { type: 'tensorboard', summary_interval: 10, distribution_interval: 100 }
    ```
    """

    # Empty before `on_start`.
    _writers: Mapping[Split, Any] = {}

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`."""
        from torch.utils.tensorboard import SummaryWriter

        super().on_start(trainer, is_primary)
        folder = Path(self.serialization_dir) / "log"
        _wait_for_next_second(folder)

        # A resumed run repeats the steps since its checkpoint: purge their earlier points. The
        # x-value of a training step is one less than that of a validation after it.
        self._writers = {
            "train": SummaryWriter(str(folder / "train"), purge_step=trainer.steps_done),
            "validation": SummaryWriter(
                str(folder / "validation"), purge_step=trainer.steps_done + 1
            ),
        }

    def log_scalars(self, scalars: Mapping[str, float], step: int, split: Split) -> None:
        """See `LogWriterCallback.log_scalars`."""
        for name, value in scalars.items():
            self._writers[split].add_scalar(name, value, step)

    def log_histograms(self, histograms: Mapping[str, Histogram], step: int) -> None:
        """See `LogWriterCallback.log_histograms`."""
        for name, own in histograms.items():
            self._writers["train"].add_histogram_raw(
                name,
                min=own.edges[0],
                max=own.edges[-1],
                num=sum(own.counts),
                sum=own.total,
                sum_squares=own.squares,
                # Buckets have upper limits only: an empty one gives the lower limit of the first.
                bucket_limits=own.edges,
                bucket_counts=[0, *own.counts],
                global_step=step,
            )

    def log_pictures(self, pictures: Mapping[str, np.ndarray], step: int) -> None:
        """See `LogWriterCallback.log_pictures`."""
        for name, picture in pictures.items():
            self._writers["validation"].add_image(name, picture, step, dataformats="HWC")

    def state_dict(self) -> dict[str, Any]:
        """See `TrainerCallback.state_dict`; flushes the curves before a checkpoint is written."""
        for writer in self._writers.values():
            writer.flush()
        return super().state_dict()

    def on_end(self, trainer: TrainingRun, metrics: dict[str, Any] | None = None) -> None:
        """See `TrainerCallback.on_end`."""
        super().on_end(trainer, metrics)
        for writer in self._writers.values():
            writer.close()


def _wait_for_next_second(folder: Path) -> None:
    """Wait until no event file has the current second in its name.

    TensorBoard reads event files in the order of their names, which start with the second of their
    creation: files of a run resumed within the same second could be read before the earlier ones.
    """
    seconds = [int(file.name.split(".")[3]) for file in folder.glob("*/events.out.tfevents.*")]
    while seconds and int(time.time()) == max(seconds):
        time.sleep(0.05)
