"""The interface of the trainer for callbacks and checkpoints."""

from pathlib import Path
from typing import Any, Protocol

from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.training.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.metric_tracker import MetricTracker
from ner_adv_plugin.training.optimization.l2_sp import StartingPointDecay
from ner_adv_plugin.training.optimization.learning_rate_schedulers import LearningRateScheduler
from ner_adv_plugin.training.optimization.moving_average import MovingAverage
from ner_adv_plugin.training.steps.step import TrainingStep


class TrainingRun(Protocol):
    """Attributes of the trainer that callbacks may read and that checkpoints save.

    # Parameters

    folder : folder of the run.
    model, data_loader, evaluator : the model, its training data and its validation.
    accelerator : accelerator of accelerate with the precision of the run.
    step, optimizer, scheduler, moving_average, l2_sp, instance_weighting : components of an
        optimizer step.
    tracker : tracker of the validation metric.
    num_epochs, total_steps : planned length of the run in epochs and in optimizer steps.
    epoch, steps_done_in_epoch, steps_done : number of finished epochs, of optimizer steps done in
        the current epoch, and of optimizer steps done in the whole run.
    max_tokens_per_pass : the setting of the config for `max_tokens`; None for a default by machine.
    max_tokens : maximum number of tokens of a forward and backward pass; None for no limit.
    seconds : duration up to the last checkpoint or epoch, without interruptions.
    totals : sums and counts of the current epoch, averaged into its `training_` metrics.
    metrics : metrics of the last epoch.
    """

    folder: Path
    model: Model
    data_loader: DataLoader
    evaluator: Evaluator
    accelerator: Any
    step: TrainingStep
    optimizer: Any
    scheduler: LearningRateScheduler | None
    moving_average: MovingAverage | None
    l2_sp: StartingPointDecay | None
    instance_weighting: dict[str, InstanceWeighting]
    tracker: MetricTracker
    num_epochs: int
    total_steps: int
    epoch: int
    steps_done_in_epoch: int
    steps_done: int
    max_tokens_per_pass: int | None
    max_tokens: int | None
    seconds: float
    totals: Statistics
    metrics: dict[str, Any]

    def is_finished(self) -> bool:
        """Return whether all epochs or steps are done, patience ran out or the loss diverged."""
