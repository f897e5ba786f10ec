"""Curves in Weights & Biases."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ner_adv_plugin.archives.writing import CONFIG
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.layer_statistics import Histogram
from ner_adv_plugin.training.callbacks.log_writer import LogWriterCallback, Split
from ner_adv_plugin.training.training_run import TrainingRun


@TrainerCallback.register("wandb")
class WandBCallback(LogWriterCallback):
    """Write curves, histograms and pictures to Weights & Biases.

    Registered as "wandb". It needs the package `wandb` and a login. A resumed run continues its
    wandb run. With `WANDB_MODE=offline` in the environment all data stay in the run's folder.
    `LogWriterCallback` lists the curves.

    # Parameters

    serialization_dir, summary_interval, distribution_interval : see `LogWriterCallback`.
    should_log_parameter_statistics, should_log_learning_rate : see `LogWriterCallback`.
    transition_pictures : see `LogWriterCallback`.
    project, entity, group, name, notes, tags : of the wandb run; null for wandb's defaults.

    # Example

    ```jsonnet
    { type: 'wandb', project: 'chinese-ner', name: 'weibo', summary_interval: 10 }
    ```
    """

    def __init__(
        self,
        serialization_dir: str,
        summary_interval: int = 10,
        distribution_interval: int | None = None,
        should_log_parameter_statistics: bool = False,
        should_log_learning_rate: bool = True,
        transition_pictures: bool = False,
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        name: str | None = None,
        notes: str | None = None,
        tags: list[str] | None = None,
    ) -> None:
        super().__init__(
            serialization_dir,
            summary_interval,
            distribution_interval,
            should_log_parameter_statistics,
            should_log_learning_rate,
            transition_pictures,
        )
        self._about: dict[str, Any] = {
            "project": project,
            "entity": entity,
            "group": group,
            "name": name,
            "notes": notes,
            "tags": tags,
        }
        self._run: Any = None
        self._run_id: str | None = None

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: wandb is installed."""
        super().check(settings, context)
        _wandb()

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`.

        # Raises

        UserError : if wandb is not installed or reports an error.
        """
        wandb = _wandb()
        super().on_start(trainer, is_primary)
        folder = Path(self.serialization_dir)
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        try:
            self._run = wandb.init(
                dir=str(folder), id=self._run_id, resume="allow", config=config, **self._about
            )
        except wandb.Error as error:
            raise UserError(f"wandb: {error}") from error
        self._run_id = self._run.id

    def log_scalars(self, scalars: Mapping[str, float], step: int, split: Split) -> None:
        """See `LogWriterCallback.log_scalars`."""
        # wandb ignores steps below the last one: number a training step by the steps up to its end,
        # so that a run resumed after an epoch starts above the epoch's validation.
        number = step + 1 if split == "train" else step
        self._run.log({f"{split}/{name}": value for name, value in scalars.items()}, step=number)

    def log_histograms(self, histograms: Mapping[str, Histogram], step: int) -> None:
        """See `LogWriterCallback.log_histograms`."""
        wandb = _wandb()
        converted = {
            name: wandb.Histogram(np_histogram=(np.array(own.counts), np.array(own.edges)))
            for name, own in histograms.items()
        }
        self._run.log(converted, step=step + 1)

    def log_pictures(self, pictures: Mapping[str, np.ndarray], step: int) -> None:
        """See `LogWriterCallback.log_pictures`."""
        wandb = _wandb()
        self._run.log({name: wandb.Image(picture) for name, picture in pictures.items()}, step=step)

    def on_end(self, trainer: TrainingRun, metrics: dict[str, Any] | None = None) -> None:
        """See `TrainerCallback.on_end`."""
        super().on_end(trainer, metrics)
        if self._run is not None:
            # wandb shows a run that ends with an error as failed.
            self._run.finish(exit_code=0 if sys.exception() is None else 1)

    def state_dict(self) -> dict[str, Any]:
        """See `TrainerCallback.state_dict`."""
        return {"run_id": self._run_id}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `TrainerCallback.load_state_dict`."""
        self._run_id = state_dict["run_id"]


def _wandb() -> Any:
    return require_extra("wandb", 'callback "wandb"')
