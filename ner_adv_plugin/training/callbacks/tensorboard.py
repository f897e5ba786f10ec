"""Curves."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_adv_plugin.modules.objectives import Statistics
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.training_step import averages

if TYPE_CHECKING:
    from ner_adv_plugin.training.gradient_descent_trainer import GradientDescentTrainer


@TrainerCallback.register("tensorboard")
class TensorBoardCallback(TrainerCallback):
    """Writes curves for TensorBoard to `log/train` and `log/validation`.

    Per step: loss in all, of each head and objective, discriminator accuracy, reversal scale, learning rate of
    each parameter group, gradient norm. Per epoch: validation metrics.
    Registered as "tensorboard".

    # Parameters

    serialization_dir : supplied.
    summary_interval : steps between two points.
    """

    def __init__(self, serialization_dir: str, summary_interval: int = 10) -> None:
        super().__init__(serialization_dir)
        self.summary_interval = summary_interval
        self._train: Any = None
        self._validation: Any = None

    def on_start(self, trainer: "GradientDescentTrainer", is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`."""
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(self.serialization_dir) / "log"
        # A resumed run writes the steps since its checkpoint again: drop the curves' older copies of them. A step
        # bears the number of those before it, a validation the number of those up to it.
        self._train = SummaryWriter(str(folder / "train"), purge_step=trainer.steps_done)
        self._validation = SummaryWriter(str(folder / "validation"), purge_step=trainer.steps_done + 1)

    def on_backward(self, trainer: "GradientDescentTrainer", batch_metrics: Statistics) -> None:
        """See `TrainerCallback.on_backward`."""
        if trainer.steps_done % self.summary_interval:
            return
        for name, value in averages(batch_metrics).items():
            self._train.add_scalar(name, value, trainer.steps_done)
        for index, group in enumerate(trainer.optimizer.param_groups):
            self._train.add_scalar(f"learning_rate/group_{index}", group["lr"], trainer.steps_done)

    def on_epoch(self, trainer: "GradientDescentTrainer", metrics: dict[str, Any], epoch: int) -> None:
        """See `TrainerCallback.on_epoch`."""
        for name, value in metrics.items():
            if name.startswith("validation_") and isinstance(value, int | float):
                self._validation.add_scalar(name.removeprefix("validation_"), value, trainer.steps_done)

    def on_end(self, trainer: "GradientDescentTrainer", metrics: dict[str, Any] | None = None) -> None:
        """See `TrainerCallback.on_end`."""
        for writer in (self._train, self._validation):
            if writer is not None:
                writer.close()
