"""The base of all callbacks."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.modules.objectives import Statistics

if TYPE_CHECKING:
    from ner_adv_plugin.training.gradient_descent_trainer import GradientDescentTrainer


class TrainerCallback(Registrable):
    """Is told of the turns of training.

    Only the main process of a run has it, unless `every_process` says that all need it, as one that changes the
    model; only the main process writes files.

    # Parameters

    serialization_dir : supplied; the run's folder.
    """

    every_process = False

    def __init__(self, serialization_dir: str) -> None:
        self.serialization_dir = serialization_dir

    def on_start(self, trainer: "GradientDescentTrainer", is_primary: bool = True) -> None:
        """Training starts, or goes on."""

    def on_backward(self, trainer: "GradientDescentTrainer", batch_metrics: Statistics) -> None:
        """The gradients of a batch are there, clipped, and not yet applied."""

    def on_batch(self, trainer: "GradientDescentTrainer", epoch: int, batch_number: int, is_training: bool) -> None:
        """A batch is done; `batch_number` counts from 1 within the epoch."""

    def on_epoch(self, trainer: "GradientDescentTrainer", metrics: dict[str, Any], epoch: int) -> None:
        """An epoch is done and validated."""

    def on_end(self, trainer: "GradientDescentTrainer", metrics: dict[str, Any] | None = None) -> None:
        """Training ended."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; plain types only."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""


LazyCallback: TypeAlias = Annotated[Lazy[TrainerCallback], Supplied("serialization_dir")]
