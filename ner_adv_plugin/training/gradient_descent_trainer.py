"""The training loop."""

import logging
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.common.files import write_file, write_json
from ner_adv_plugin.common.processes import is_main, on_main, rank, world_size
from ner_adv_plugin.common.progress import progress_bar
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.objectives import Statistics
from ner_adv_plugin.training.accelerator import Precision, precision_of
from ner_adv_plugin.training.callbacks import ConsoleCallback
from ner_adv_plugin.training.callbacks.callback import LazyCallback, TrainerCallback
from ner_adv_plugin.training.checkpoints.checkpointer import Checkpointer
from ner_adv_plugin.training.checkpoints.run_state import restore, run_state
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.instance_weighting import InstanceWeighting
from ner_adv_plugin.training.metric_tracker import MetricTracker
from ner_adv_plugin.training.optimization.learning_rate_schedulers import LazyScheduler, LearningRateScheduler
from ner_adv_plugin.training.optimization.moving_average import LazyMovingAverage
from ner_adv_plugin.training.optimization.optimizers import HuggingfaceAdamWOptimizer, LazyOptimizer, optimizer_of
from ner_adv_plugin.training.optimization.parameter_groups import trainable
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.step import TrainingStep, add_statistics, averages, over_processes
from ner_adv_plugin.training.trainer import Trainer

logger = logging.getLogger(__name__)


@Trainer.register("gradient_descent")
class GradientDescentTrainer(Trainer):
    """Trains by gradient descent, validating after every epoch.

    Registered as "gradient_descent".

    # Parameters

    model, data_loader, evaluator, serialization_dir, recover : supplied.
    num_epochs : epochs at most.
    patience : epochs without a better `validation_metric` after which to stop.
    validation_metric : "+" or "-" and the metric that chooses the best epoch.
    optimizer : "huggingface_adamw" by default.
    learning_rate_scheduler : none by default.
    grad_norm : gradients are scaled down to this norm.
    grad_clipping : every gradient entry is cut to this size.
    num_gradient_accumulation_steps : planned batches a step; losses are means over all their rows.
    precision : of the encoder and towers; weights and the CRF stay in float32.
    use_amp : short for precision "fp16" on a GPU, "bf16" on a CPU.
    no_grad : regular expressions of parameters that keep their values.
    moving_average : of the weights; validation and the best weights are then of the averages.
    step : forward and backward of a batch; "plain" by default.
    instance_weighting : how much each row of a dataset teaches, by dataset; of others every row weighs 1.
    checkpointer : when to save, and how many checkpoints to keep.
    callbacks : told of the turns of training, after the console's.
    cuda_device : -1 for the CPU; a GPU where there is one by default.
    """

    def __init__(
        self,
        model: Model,
        data_loader: DataLoader,
        evaluator: Evaluator,
        serialization_dir: str,
        recover: bool = False,
        num_epochs: int = 20,
        patience: int | None = None,
        validation_metric: str = "-loss",
        optimizer: LazyOptimizer | None = None,
        learning_rate_scheduler: LazyScheduler | None = None,
        grad_norm: float | None = None,
        grad_clipping: float | None = None,
        num_gradient_accumulation_steps: int = 1,
        precision: Precision = "fp32",
        use_amp: bool = False,
        no_grad: list[str] | None = None,
        moving_average: LazyMovingAverage | None = None,
        step: TrainingStep | None = None,
        checkpointer: Checkpointer | None = None,
        instance_weighting: dict[str, InstanceWeighting] | None = None,
        callbacks: list[LazyCallback] | None = None,
        cuda_device: int | None = None,
    ) -> None:
        self.folder = Path(serialization_dir)
        self.num_epochs = _positive(num_epochs, "num_epochs")
        self.accumulation = _positive(num_gradient_accumulation_steps, "num_gradient_accumulation_steps")
        self.grad_norm = grad_norm
        self.grad_clipping = grad_clipping
        self.data_loader = data_loader
        self.evaluator = evaluator
        self.tracker = MetricTracker(validation_metric, patience)
        self._check_metric()
        self.step = step or PlainStep()
        self.instance_weighting = instance_weighting or {}
        for name, weighting in self.instance_weighting.items():
            weighting.bind(name, data_loader.rows(), model)
        self.checkpointer = checkpointer or Checkpointer()
        self.engine = Engine(model, precision_of(precision, use_amp, cuda_device), cuda_device)
        self.accelerator, self.model = self.engine.accelerator, model
        learning = trainable(model, no_grad or [])
        build = optimizer.construct if optimizer is not None else HuggingfaceAdamWOptimizer
        self.optimizer = self.engine.prepare(build(model_parameters=learning))
        self.moving_average = moving_average.construct(parameters=learning) if moving_average else None
        batches_per_epoch = data_loader.batches_per_epoch(self.num_epochs)
        self.total_steps = sum(-(-batches // self.accumulation) for batches in batches_per_epoch)
        self.scheduler: LearningRateScheduler | None = None
        if learning_rate_scheduler is not None:
            self.scheduler = learning_rate_scheduler.construct(
                optimizer=optimizer_of(self.optimizer),
                num_epochs=self.num_epochs,
                num_training_steps=self.total_steps,
            )
        self.configured_callbacks = [lazy.construct(serialization_dir=serialization_dir) for lazy in callbacks or []]
        named = any(isinstance(callback, ConsoleCallback) for callback in self.configured_callbacks)
        console = [] if named else [ConsoleCallback(serialization_dir)]
        every: list[TrainerCallback] = [*console, *self.configured_callbacks]
        self.callbacks = [callback for callback in every if is_main() or callback.every_process]
        self.epoch = 0
        self.steps_done_in_epoch = 0
        self.steps_done = 0
        self.seconds = 0.0
        self.totals: Statistics = {}
        self.metrics: dict[str, Any] = {}
        self._check_processes()
        if recover:
            self._resume()

    def _check_metric(self) -> None:
        known = self.evaluator.metric_names()
        if self.evaluator.by_head and self.tracker.name not in known:
            raise ConfigurationError(
                f'no metric "{self.tracker.name}".{nearest(self.tracker.name, known)} Known: {", ".join(known)}.',
                "validation_metric",
            )

    def train(self) -> dict[str, Any]:
        """See `Trainer.train`."""
        started = time.monotonic() - self.seconds
        for callback in self.callbacks:
            callback.on_start(self, is_primary=is_main())
        try:
            while self.epoch < self.num_epochs and not self.tracker.should_stop():
                self._train_epoch(started)
                self._end_epoch(started)
        finally:
            for callback in self.callbacks:
                callback.on_end(self, self.metrics)
        return self.metrics

    def _train_epoch(self, started: float) -> None:
        """Train what is left of the present epoch."""
        self.model.train()
        if not self.steps_done_in_epoch:
            self._weigh_rows()
        before = self.data_loader.state_dict()
        planned = self.data_loader.plan(self.epoch, self.num_epochs)
        groups = [planned[i : i + self.accumulation] for i in range(0, len(planned), self.accumulation)]
        with progress_bar(len(groups), f"epoch {self.epoch + 1}/{self.num_epochs}") as bar:
            bar.update(self.steps_done_in_epoch)
            for group in groups[self.steps_done_in_epoch :]:
                statistics = self.train_step(group)
                bar.update(1)
                if not bar.disable:
                    bar.set_postfix({k: f"{v:.3f}" for k, v in averages(statistics).items()}, refresh=False)
                if self.steps_done_in_epoch < len(groups) and self._is_checkpoint_due():
                    self.seconds = time.monotonic() - started
                    self._save(before)

    def _weigh_rows(self) -> None:
        """Weigh rows anew; the mean weight of a dataset stands in the metrics."""
        with self.accelerator.autocast():
            for name, weighting in self.instance_weighting.items():
                weighting.before_epoch(self.epoch)
                weights = weighting.rows.weights
                if weighting.rows.head is not None:
                    add_statistics(self.totals, {f"{name}_row_weight": (float(weights.sum()), len(weights))})

    def _is_checkpoint_due(self) -> bool:
        # Clocks differ: the main process decides for all.
        return on_main(lambda: self.checkpointer.is_due(self.steps_done_in_epoch))

    def train_step(self, group: Sequence[PlannedBatch]) -> Statistics:
        """One step of the optimizer over a group of planned batches; sums and counts of what happened in it."""
        started = time.monotonic()
        batches = self.data_loader.batches(group, rank(), world_size())
        batches = [batch.to(self.engine.device) for batch in batches]
        # Draws that follow the losses may make more steps than were counted ahead.
        progress = min(1.0, self.steps_done / self.total_steps)
        loss, statistics = self.step.run(self.engine, batches, progress)
        statistics = over_processes(loss, statistics)
        add_statistics(self.totals, statistics)
        self.accelerator.unscale_gradients()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if self.grad_norm is not None:
            statistics["gradient_norm"] = (torch.nn.utils.clip_grad_norm_(parameters, self.grad_norm), 1)
        if self.grad_clipping is not None:
            torch.nn.utils.clip_grad_value_(parameters, self.grad_clipping)
        for callback in self.callbacks:
            callback.on_backward(self, statistics)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.scheduler is not None:
            self.scheduler.step_batch()
        if self.moving_average is not None:
            self.moving_average.apply(self.steps_done + 1)
        add_statistics(self.totals, {"step_seconds": (time.monotonic() - started, 1)})
        self.steps_done += 1
        self.steps_done_in_epoch += 1
        for callback in self.callbacks:
            callback.on_batch(self, self.epoch, self.steps_done_in_epoch, is_training=True)
        return statistics

    def _end_epoch(self, started: float) -> None:
        """Validate, keep the best, save."""
        training = averages(self.totals)
        if self.moving_average is not None:
            self.moving_average.assign_average_value()
        with self.accelerator.autocast():
            validation = self.evaluator.evaluate(self.model) if self.evaluator.by_head else {}
        scores = {f"training_{name}": value for name, value in training.items()}
        scores.update({f"validation_{name}": value for name, value in validation.items()})
        self.data_loader.update_from_epoch_metrics(on_main(lambda: scores))
        is_best = self.tracker.add(self.epoch, validation)
        self.seconds = time.monotonic() - started
        self.metrics = {
            "epoch": self.epoch,
            "training_epochs": self.epoch + 1,
            "training_duration": self.seconds,
            "peak_memory_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            **scores,
            "best_epoch": self.tracker.best_epoch,
            **{f"best_validation_{name}": value for name, value in self.tracker.best_metrics.items()},
        }
        if is_main():
            write_json(self.folder / f"metrics_epoch_{self.epoch}.json", self.metrics)
        if is_best and is_main():
            write_file(self.folder / "best.th", lambda path: torch.save(self.model.state_dict(), path))
        if self.moving_average is not None:
            self.moving_average.restore()
        if self.scheduler is not None:
            self.scheduler.step_epoch(validation.get(self.tracker.name))
        for callback in self.callbacks:
            callback.on_epoch(self, self.metrics, self.epoch)
        self.epoch, self.steps_done_in_epoch, self.totals = self.epoch + 1, 0, {}
        if self.checkpointer.save_completed_epochs:
            self._save(self.data_loader.state_dict())

    def _save(self, loader_state: dict[str, Any]) -> None:
        """Write a checkpoint; `loader_state` is that before the present epoch was planned."""
        training = run_state(self, loader_state)
        if is_main():
            folder = self.folder / "checkpoints"
            self.checkpointer.save(folder, self.epoch, self.steps_done_in_epoch, self.model.state_dict(), training)

    def _resume(self) -> None:
        """Take up the last checkpoint, where there is one."""
        found = on_main(lambda: self.checkpointer.load_latest(self.folder / "checkpoints"))
        if found is None:
            logger.info("no checkpoint in %s: starting from the beginning", self.folder)
            return
        model, state = found
        self.model.load_state_dict(model)
        restore(self, state)

    def _check_processes(self) -> None:
        """What does not add up over processes is refused where there are several."""
        parts = [("step", self.step)]
        parts += [(f"model.objectives.{i}", o) for i, o in enumerate(getattr(self.model, "objectives", []))]
        for path, part in parts:
            if world_size() > 1 and not getattr(part, "adds_up", True):
                raise ConfigurationError(
                    f"{type(part).__name__} needs the whole batch at once: run it on one process",
                    path,
                    absolute=path.startswith("model"),
                )


def _positive(value: int, name: str) -> int:
    if value < 1:
        raise ConfigurationError(f"expected 1 or more, found {value}", name)
    return value
