"""A training run as callbacks and checkpoints see it."""

from typing import Any, Protocol

from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.objectives import Statistics
from ner_adv_plugin.training.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.metric_tracker import MetricTracker
from ner_adv_plugin.training.optimization.learning_rate_schedulers import LearningRateScheduler
from ner_adv_plugin.training.optimization.moving_average import MovingAverage
from ner_adv_plugin.training.steps.step import TrainingStep


class TrainingRun(Protocol):
    """What a callback may read of the trainer, and what a checkpoint holds of it.

    # Parameters

    model, data_loader, evaluator : what is trained, on what, and how it is validated.
    accelerator : accelerate's, with the precision of the run.
    step, optimizer, scheduler, moving_average, instance_weighting : parts of an optimizer step.
    tracker : follows the validation metric.
    num_epochs, total_steps : planned length of the run, in epochs and in optimizer steps.
    epoch, steps_done_in_epoch, steps_done : finished epochs, and optimizer steps of the present
        epoch and of the whole run.
    seconds : duration up to the last checkpoint or epoch, interruptions left out.
    totals : sums and counts of the present epoch, averaged into its `training_` metrics.
    metrics : those of the last epoch.
    """

    model: Model
    data_loader: DataLoader
    evaluator: Evaluator
    accelerator: Any
    step: TrainingStep
    optimizer: Any
    scheduler: LearningRateScheduler | None
    moving_average: MovingAverage | None
    instance_weighting: dict[str, InstanceWeighting]
    tracker: MetricTracker
    num_epochs: int
    total_steps: int
    epoch: int
    steps_done_in_epoch: int
    steps_done: int
    seconds: float
    totals: Statistics
    metrics: dict[str, Any]

    def is_finished(self) -> bool:
        """Return whether all epochs are done or patience ran out."""
