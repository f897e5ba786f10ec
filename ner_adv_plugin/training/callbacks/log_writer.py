"""Base class of callbacks that write curves."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.modules.statistics import Statistics, averages
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.layer_statistics import (
    Histogram,
    LayerWatch,
    histogram,
    parameter_statistics,
    zero_fraction,
)
from ner_adv_plugin.training.callbacks.transition_pictures import transition_pictures as pictures_of
from ner_adv_plugin.training.training_run import TrainingRun

Split = Literal["train", "validation"]


class LogWriterCallback(TrainerCallback):
    """Base class of callbacks that write curves: it collects the values, a subclass writes them.

    Per step: the total loss that is optimized (`optimized_loss`, in metrics `training_loss`), the
    loss of each task in nats per character (`<task>_loss`, like the validation curve of this name)
    and as it is optimized (`<task>_optimized_loss`), the loss of each objective, discriminator
    accuracy, reversal scale, learning rate of each parameter group, gradient norm, and metrics
    added by other callbacks. Per epoch: validation metrics. At the end: metrics added by other
    callbacks. The x-value of a training step is the number of steps before it; that of an epoch or
    of the end is the number of steps so far.

    # Parameters

    serialization_dir : supplied.
    summary_interval : steps between two points of the training curves.
    distribution_interval : steps between two histograms of the parameters and of the outputs of
        encoder, towers and heads, and the fractions of zeros in these outputs; null for none. It
        takes time, and memory for the outputs of one step.
    should_log_parameter_statistics : log mean and standard deviation of each parameter and
        gradient.
    should_log_learning_rate : log the learning rate of each parameter group.
    transition_pictures : draw the transition scores of each CRF after every epoch.
    """

    writes_curves = True

    def __init__(
        self,
        serialization_dir: str,
        summary_interval: int = 10,
        distribution_interval: int | None = None,
        should_log_parameter_statistics: bool = False,
        should_log_learning_rate: bool = True,
        transition_pictures: bool = False,
    ) -> None:
        super().__init__(serialization_dir)
        self.summary_interval = at_least(1, summary_interval, "summary_interval")
        self.distribution_interval = at_least(1, distribution_interval, "distribution_interval")
        self.should_log_parameter_statistics = should_log_parameter_statistics
        self.should_log_learning_rate = should_log_learning_rate
        self.transition_pictures = transition_pictures
        self._watch: LayerWatch | None = None

    def log_scalars(self, scalars: Mapping[str, float], step: int, split: Split) -> None:
        """Write one point of each curve.

        # Parameters

        scalars : values by curve.
        step : x-value of the points.
        split : set of curves that they belong to.
        """
        raise NotImplementedError

    def log_histograms(self, histograms: Mapping[str, Histogram], step: int) -> None:
        """Write histograms of a training step.

        # Parameters

        histograms : histograms by name.
        step : number of steps before the training step.
        """
        raise NotImplementedError

    def log_pictures(self, pictures: Mapping[str, np.ndarray], step: int) -> None:
        """Write pictures at the end of an epoch.

        # Parameters

        pictures : pictures by name, (height, width, 3), uint8.
        step : number of steps so far.
        """
        raise NotImplementedError

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`."""
        self._watch = LayerWatch(trainer.model)
        self._watch_if_due(trainer)

    def on_backward(self, trainer: TrainingRun, batch_metrics: Statistics) -> None:
        """See `TrainerCallback.on_backward`."""
        step = trainer.steps_done
        if step % self.summary_interval == 0:
            scalars = averages(batch_metrics)
            if "loss" in scalars:
                # Not the name of a validation curve, which has another unit.
                scalars = {"optimized_loss": scalars.pop("loss"), **scalars}
            self.log_scalars(scalars, step, "train")
            if self.should_log_learning_rate:
                groups = enumerate(trainer.optimizer.param_groups)
                rates = {f"learning_rate/group_{i}": group["lr"] for i, group in groups}
                self.log_scalars(rates, step, "train")
            if self.should_log_parameter_statistics:
                self.log_scalars(parameter_statistics(_trainable(trainer.model)), step, "train")

        if self._is_distribution_due(step):
            self._log_distributions(trainer.model, step)

    def on_batch(
        self, trainer: TrainingRun, epoch: int, batch_number: int, is_training: bool
    ) -> None:
        """See `TrainerCallback.on_batch`."""
        self._watch_if_due(trainer)

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        """See `TrainerCallback.on_epoch`."""
        prefix = "validation_"
        scores = {
            name.removeprefix(prefix): value
            for name, value in metrics.items()
            if name.startswith(prefix)
        }
        self._log_numbers(scores, trainer.steps_done)

        if self.transition_pictures:
            self.log_pictures(pictures_of(trainer.model), trainer.steps_done)

    def on_end(self, trainer: TrainingRun, metrics: dict[str, Any] | None = None) -> None:
        """See `TrainerCallback.on_end`; writes the metrics added by other callbacks."""
        if self._watch is not None:
            self._watch.stop()

        added = {
            name: value for name, value in (metrics or {}).items() if name not in trainer.metrics
        }
        if added:
            self._log_numbers(added, trainer.steps_done)

    def _log_numbers(self, metrics: Mapping[str, Any], step: int) -> None:
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        self.log_scalars(numbers, step, "validation")

    def _is_distribution_due(self, step: int) -> bool:
        return self.distribution_interval is not None and step % self.distribution_interval == 0

    def _watch_if_due(self, trainer: TrainingRun) -> None:
        """Watch the layers if the next step logs their outputs."""
        if self._watch is not None and self._is_distribution_due(trainer.steps_done):
            self._watch.start()

    def _log_distributions(self, model: torch.nn.Module, step: int) -> None:
        assert self._watch is not None
        outputs = self._watch.stop()

        zero_fractions = {
            f"zero_fraction/{name}": zero_fraction(values)
            for name, values in outputs.items()
            if len(values)
        }
        self.log_scalars(zero_fractions, step, "train")

        histograms = {
            f"parameter_histogram/{name}": histogram(values) for name, values in _trainable(model)
        }
        histograms |= {
            f"activation_histogram/{name}": histogram(values) for name, values in outputs.items()
        }
        self.log_histograms(
            {name: own for name, own in histograms.items() if own is not None}, step
        )


def _trainable(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Return the trainable parameters by name."""
    return (
        (name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad
    )
