"""The base of all callbacks."""

from typing import Annotated, Any, TypeAlias

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.training.training_run import TrainingRun


class TrainerCallback(Registrable):
    """Base class of callbacks: methods called on training events.

    Two class attributes control the calls. `every_process` is set by a callback that all processes
    of a run need, such as one that changes the model; other callbacks exist in the main process
    only, the only one that writes files. `writes_curves` is set by a callback that records the
    metrics of other callbacks: at every event it is called after those that do not set it.
    Otherwise the order is that of the config.

    # Parameters

    serialization_dir : supplied; the run's folder.
    """

    every_process = False
    writes_curves = False

    def __init__(self, serialization_dir: str) -> None:
        self.serialization_dir = serialization_dir

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """Called before the first step of this process, also if the run is resumed."""

    def on_backward(self, trainer: TrainingRun, batch_metrics: Statistics) -> None:
        """Called after the gradients of a step are clipped, before the optimizer applies them.

        Sums and counts added to `batch_metrics` are written to the curves of the step; those added
        to `trainer.totals` are averaged into the `training_` metrics of the epoch.
        """

    def on_batch(
        self, trainer: TrainingRun, epoch: int, batch_number: int, is_training: bool
    ) -> None:
        """Called after an optimizer step; `batch_number` counts from 1 within the epoch."""

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        """Called after the validation of an epoch."""

    def on_end(self, trainer: TrainingRun, metrics: dict[str, Any] | None = None) -> None:
        """Called when training ends, also because of an error or an interruption.

        Metrics added to `metrics` are written to `metrics.json` and, if numeric, to the curves.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, in plain types."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""


LazyCallback: TypeAlias = Annotated[Lazy[TrainerCallback], Supplied("serialization_dir")]
