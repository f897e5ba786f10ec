"""The training loop."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import torch

from ner_adv_plugin.common.bf16 import warn_if_emulated
from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import below
from ner_adv_plugin.common.files import write_file, write_json
from ner_adv_plugin.common.memory import MemoryRelease
from ner_adv_plugin.common.processes import is_main, on_main, rank, world_size
from ner_adv_plugin.common.progress import progress_bar
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.common.threads import log_threads, set_configured
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.loaders import DataLoader
from ner_adv_plugin.data.batching.schedulers.scheduler import PlannedBatch
from ner_adv_plugin.data.batching.updates import log_updates
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.statistics import Statistics, add_statistics, over_processes
from ner_adv_plugin.training.accelerator import Precision, PrecisionSetting, precision_of
from ner_adv_plugin.training.callbacks.callback import LazyCallback
from ner_adv_plugin.training.callbacks.ordering import in_calling_order
from ner_adv_plugin.training.checkpoints.checkpointer import Checkpointer
from ner_adv_plugin.training.checkpoints.run_state import resume_latest, save_checkpoint
from ner_adv_plugin.training.divergence import has_diverged
from ner_adv_plugin.training.engine import Engine
from ner_adv_plugin.training.epoch_metrics import epoch_metrics, epoch_scores
from ner_adv_plugin.training.instance_weighting import InstanceWeighting, set_weights
from ner_adv_plugin.training.memory import cut, most_tokens
from ner_adv_plugin.training.metric_tracker import MetricTracker
from ner_adv_plugin.training.optimization.clipping import clip_gradients
from ner_adv_plugin.training.optimization.l2_sp import LazyStartingPointDecay
from ner_adv_plugin.training.optimization.learning_rate_schedulers import (
    LazyScheduler,
    LearningRateScheduler,
)
from ner_adv_plugin.training.optimization.moving_average import LazyMovingAverage
from ner_adv_plugin.training.optimization.optimizers import LazyOptimizer, Optimizer, optimizer_of
from ner_adv_plugin.training.optimization.parameter_groups import NamedParameters, trainable
from ner_adv_plugin.training.optimization.unfreezing import LazyUnfreezing
from ner_adv_plugin.training.precision_trial import STEPS, choose_precision
from ner_adv_plugin.training.step_progress import show_step
from ner_adv_plugin.training.steps.plain import PlainStep
from ner_adv_plugin.training.steps.step import TrainingStep
from ner_adv_plugin.training.trainer_checks import (
    check_evaluation,
    check_processes,
    check_settings,
)

logger = logging.getLogger(__name__)


class Trainer(Registrable):
    """Train by gradient descent and validate after every epoch.

    Registered as "gradient_descent", the default. The weights of the best epoch are saved to
    `best.th`, the metrics of every epoch to `metrics_epoch_<number>.json`.

    # Parameters

    model, data_loader, evaluator, serialization_dir, recover : supplied.
    num_epochs : maximum number of epochs.
    max_steps : maximum number of optimizer steps; the epoch in which it is reached ends there and
        is validated.
    patience : number of epochs without a better `validation_metric` after which training stops.
    validation_metric : "+" or "-" and the name of the metric that chooses the best epoch.
    optimizer : "huggingface_adamw" by default.
    learning_rate_scheduler : none by default.
    grad_norm : maximum norm of the gradient; a larger gradient is scaled down to it.
    grad_clipping : maximum absolute value of the entries of the gradient.
    num_gradient_accumulation_steps : micro-batches per optimizer step; the loss is normalised by
        the global batch size.
    precision : precision of the encoder and towers; weights and the CRF stay in float32. "auto" is
        the quicker one of "fp32" and "bf16" in a trial of 20 steps, and "fp32" on a CPU or GPU
        without instructions for bf16; a resumed run keeps it.
    use_amp : short for precision "fp16" on a GPU, "bf16" on a CPU.
    no_grad : regular expressions, searched for in the names of the parameters to freeze.
    moving_average : moving average of the weights; validation and `best.th` use the averages.
    l2_sp : weight decay towards the weights with which training starts, see `StartingPointDecay`;
        none by default.
    unfreezing : parameters that begin to train in later epochs, see `GradualUnfreezing`; none by
        default.
    step : forward and backward passes of a global batch; "plain" by default.
    instance_weighting : instance weighting of each dataset; sentences of datasets that are not
        named have weight 1.
    checkpointer : when to save, and how many checkpoints to keep.
    calibration : "temperature" fits one temperature per head that predicts entities, on the
        validation data at the end of training. It makes the scores of entities match their
        precision; the predicted entities do not change.
    callbacks : called on training events in this order; callbacks that write curves are called
        last.
    cuda_device : number of a GPU, or -1 for the CPU; by default a GPU if there is one.
    threads : number of threads on the CPU; null for `--threads`, `OMP_NUM_THREADS` or the number of
        CPUs that the process may use, whichever is set first.
    max_tokens_per_pass : maximum number of characters, padding included, of a forward and backward
        pass. A larger batch is cut into micro-batches with the same loss and gradient, but other
        dropout masks; both copies of the step "r_drop" count. By default what fits half of the
        machine's (or GPU's) memory, estimated; with `mmd`, `coral` and `wasserstein`, which compare
        whole batches, nothing is cut.

    # Example

    ```jsonnet
    {
      type: 'gradient_descent',
      num_epochs: 10, patience: 3, validation_metric: '+weibo_f1', grad_norm: 1.0,
      optimizer: { type: 'huggingface_adamw', lr: 5e-5 },
      learning_rate_scheduler: { type: 'linear_with_warmup', warmup: 0.1 },
    }
    ```
    """

    default_implementation = "gradient_descent"

    def __init__(
        self,
        model: Model,
        data_loader: DataLoader,
        evaluator: Evaluator,
        serialization_dir: str,
        recover: bool = False,
        num_epochs: int = 20,
        max_steps: int | None = None,
        patience: int | None = None,
        validation_metric: str = "-loss",
        optimizer: LazyOptimizer | None = None,
        learning_rate_scheduler: LazyScheduler | None = None,
        grad_norm: float | None = None,
        grad_clipping: float | None = None,
        num_gradient_accumulation_steps: int = 1,
        precision: PrecisionSetting = "fp32",
        use_amp: bool = False,
        no_grad: list[str] | None = None,
        moving_average: LazyMovingAverage | None = None,
        l2_sp: LazyStartingPointDecay | None = None,
        unfreezing: LazyUnfreezing | None = None,
        step: TrainingStep | None = None,
        checkpointer: Checkpointer | None = None,
        instance_weighting: dict[str, InstanceWeighting] | None = None,
        callbacks: list[LazyCallback] | None = None,
        calibration: Literal["temperature"] | None = None,
        cuda_device: int | None = None,
        threads: int | None = None,
        max_tokens_per_pass: int | None = None,
    ) -> None:
        set_configured(threads)
        log_threads()
        self.folder = Path(serialization_dir)
        self.num_epochs = at_least(1, num_epochs, "num_epochs")
        self.max_steps = at_least(1, max_steps, "max_steps")
        self.accumulation = at_least(
            1, num_gradient_accumulation_steps, "num_gradient_accumulation_steps"
        )
        self.grad_norm = grad_norm
        self.grad_clipping = grad_clipping

        self.model = model
        self.data_loader = data_loader
        self.evaluator = evaluator
        self.step = step or PlainStep()
        self.checkpointer = checkpointer or Checkpointer()
        self.tracker = MetricTracker(validation_metric, patience)
        self.calibration = calibration
        check_evaluation(model, evaluator, self.tracker.name, calibration is not None)

        self.instance_weighting = instance_weighting or {}
        for name, weighting in self.instance_weighting.items():
            weighting.bind(name, data_loader.sentences(), model)

        # Before the engine, which prepares what is trained.
        own = trainable(model, no_grad or [])
        with below("step"):
            self.step.attach(model)
        self.max_tokens_per_pass = max_tokens_per_pass
        self._set_up_engine(precision_of(precision, use_amp, cuda_device), cuda_device, recover)

        self._set_up_optimization(own, optimizer, moving_average, l2_sp, unfreezing)
        self._set_up_scheduler(learning_rate_scheduler)

        self.configured_callbacks = [
            lazy.construct(serialization_dir=serialization_dir) for lazy in callbacks or []
        ]
        self.callbacks = in_calling_order(self.configured_callbacks, serialization_dir)

        self.epoch = 0
        self.steps_done_in_epoch = 0
        self.steps_done = 0
        self.seconds = 0.0
        self.totals: Statistics = {}
        self.metrics: dict[str, Any] = {}
        self.diverged = False

        check_processes(self.step, model)
        if recover:
            resume_latest(self.checkpointer, self, self.configured_callbacks)

    def _set_up_engine(
        self, precision: PrecisionSetting, cuda_device: int | None, recover: bool
    ) -> None:
        """Make the engine of the device and the precision."""
        chosen: Precision = "fp32" if precision == "auto" else precision
        self.engine = Engine(self.model, chosen, cuda_device)
        self.max_tokens = most_tokens(self.model, self.engine.device, self.max_tokens_per_pass)
        if precision == "auto":
            chosen = choose_precision(
                self.engine, self.step, self._first_batches, self.folder, recover
            )
            self.engine = Engine(self.model, chosen, cuda_device)
        elif precision == "bf16":
            warn_if_emulated(self.engine.device)
        self.accelerator = self.engine.accelerator

    def _set_up_optimization(
        self,
        own: NamedParameters,
        optimizer: LazyOptimizer | None,
        moving_average: LazyMovingAverage | None,
        l2_sp: LazyStartingPointDecay | None,
        unfreezing: LazyUnfreezing | None,
    ) -> None:
        """Build what changes the parameters that are trained, `own`."""
        build = (
            optimizer.construct
            if optimizer is not None
            else Optimizer.by_name(Optimizer.default_implementation)
        )
        self.optimizer = self.engine.prepare(build(model_parameters=own))
        self.moving_average = moving_average.construct(parameters=own) if moving_average else None
        self.l2_sp = l2_sp.construct(parameters=own) if l2_sp else None
        self.unfreezing = unfreezing.construct(parameters=own) if unfreezing else None

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: numbers, patterns, dataset names and the metric are valid."""
        check_settings(settings, context)

    def train(self) -> dict[str, Any]:
        """Train until the run is finished and return its metrics."""
        self._started = time.monotonic() - self.seconds
        self._memory = MemoryRelease()
        for callback in self.callbacks:
            callback.on_start(self, is_primary=is_main())

        try:
            while not self.is_finished():
                self._begin_epoch()
                loader_state = self.data_loader.state_dict()
                steps = self.plan_steps(self.epoch)
                if not self.epoch and not self.steps_done:
                    sentences = self.data_loader.sentences()
                    log_updates(steps, {name: len(own) for name, own in sentences.items()})

                # Without a terminal, `ConsoleCallback` logs lines about the whole run.
                epoch = f"epoch {self.epoch + 1}/{self.num_epochs}"
                with progress_bar(len(steps), epoch, lines=False) as bar:
                    bar.update(self.steps_done_in_epoch)
                    for group in steps[self.steps_done_in_epoch :]:
                        statistics = self.train_step(group)
                        show_step(bar, statistics)
                        self._memory.release_if_due()
                        if self.steps_done_in_epoch < len(steps):
                            self._save_if_due(loader_state)

                self._end_epoch(steps)
            self._log_patience()
        finally:
            self._end()
        return self.metrics

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {
            "optimizer": {"type": Optimizer.default_implementation},
            "step": {"type": TrainingStep.default_implementation},
            "checkpointer": {"type": Checkpointer.default_implementation},
        }

    def is_finished(self) -> bool:
        """Return whether all epochs or steps are done, patience ran out or the loss diverged."""
        return (
            self.epoch >= self.num_epochs
            or (self.max_steps is not None and self.steps_done >= self.max_steps)
            or self.tracker.should_stop()
            or self.diverged
        )

    def plan_steps(self, epoch: int) -> list[list[PlannedBatch]]:
        """Plan the micro-batches of each optimizer step of an epoch.

        # Parameters

        epoch : index of the epoch; epochs must be planned in order.

        # Returns

        For each optimizer step its micro-batches.
        """
        planned = self.data_loader.plan(epoch, self.num_epochs)
        steps = [
            planned[i : i + self.accumulation] for i in range(0, len(planned), self.accumulation)
        ]
        if self.max_steps is not None:
            steps = steps[: self.max_steps - self.steps_done + self.steps_done_in_epoch]
        return steps

    def train_step(self, group: Sequence[PlannedBatch]) -> Statistics:
        """Run one optimizer step.

        # Parameters

        group : the planned micro-batches of the step.

        # Returns

        Sums and counts over the global batch, summed over all processes.
        """
        started = time.monotonic()
        batches = self._on_device(self.data_loader.batches(group, rank(), world_size()))

        loss, statistics = self.step.run(self.engine, batches, self._progress())
        statistics = over_processes(loss, statistics)
        statistics.update(self.model.end_step())
        add_statistics(self.totals, statistics)

        if self.unfreezing is not None:
            self.unfreezing.apply(self.epoch)
        self.accelerator.unscale_gradients()
        groups = self.optimizer.param_groups
        statistics.update(clip_gradients(groups, self.grad_norm, self.grad_clipping))
        for callback in self.callbacks:
            callback.on_backward(self, statistics)

        if self.l2_sp is not None:
            self.l2_sp.apply(groups)
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

    def _on_device(self, batches: Sequence[Batch]) -> list[Batch]:
        """Return micro-batches that fit into memory, on the device."""
        if self.max_tokens is not None:
            batches = cut(batches, max(1, self.max_tokens // self.step.copies))
        return [batch.to(self.engine.device) for batch in batches]

    def _first_batches(self) -> list[list[Batch]]:
        """Return the micro-batches of the first optimizer steps, of all processes."""
        groups = self.data_loader.preview(STEPS, self.num_epochs, self.accumulation)
        return [self._on_device(group) for group in groups]

    def _count_steps(self) -> int:
        """Count the optimizer steps of the whole run."""
        batches_per_epoch = self.data_loader.batches_per_epoch(self.num_epochs)
        steps = sum(-(-batches // self.accumulation) for batches in batches_per_epoch)
        return steps if self.max_steps is None else min(steps, self.max_steps)

    def _set_up_scheduler(self, scheduler: LazyScheduler | None) -> None:
        """Count the steps of the run, and build what changes the learning rates over them."""
        self.total_steps = self._count_steps()
        self.scheduler: LearningRateScheduler | None = None
        if scheduler is not None:
            self.scheduler = scheduler.construct(
                optimizer=optimizer_of(self.optimizer),
                num_epochs=self.num_epochs,
                num_training_steps=self.total_steps,
            )

    def _begin_epoch(self) -> None:
        """Set the model to training mode; at the start of an epoch compute instance weights."""
        self.model.train()
        if self.steps_done_in_epoch:
            return

        with self.accelerator.autocast():
            add_statistics(self.totals, set_weights(self.instance_weighting, self.epoch))

    def _progress(self) -> float:
        """Return the fraction of training steps done, 0 to 1."""
        # A sampler that depends on losses may need more steps than were counted in advance.
        return min(1.0, self.steps_done / self.total_steps)

    def _log_patience(self) -> None:
        """Log that patience ran out before the last epoch."""
        if self.tracker.should_stop() and self.epoch < self.num_epochs:
            logger.info(
                "stopped after %d of %d epochs: patience %d is used up",
                self.epoch,
                self.num_epochs,
                self.tracker.patience,
            )

    def _end_epoch(self, steps: Sequence[Sequence[PlannedBatch]]) -> None:
        """Validate, keep the best weights, report, and save a checkpoint.

        # Parameters

        steps : the micro-batches of each optimizer step of the epoch.
        """
        self.diverged = has_diverged(
            self.totals, self.engine.precision, self.epoch, bool(self.evaluator.by_head)
        )
        self.model.end_epoch()
        if self.moving_average is not None:
            self.moving_average.assign_average_value()
        with self.accelerator.autocast():
            validation = self.evaluator.evaluate(self.model) if self.evaluator.by_head else {}

        updates = self.data_loader.end_epoch(steps)
        scores = epoch_scores(self.totals, validation, updates)
        is_best = self.tracker.add(self.epoch, validation)
        self.seconds = time.monotonic() - self._started
        self.metrics = epoch_metrics(
            self.epoch, self.seconds, scores, self.data_loader.updates(), self.tracker
        )

        if is_main():
            write_json(self.folder / f"metrics_epoch_{self.epoch}.json", self.metrics)
        if is_best and is_main():
            write_file(
                self.folder / "best.th", lambda path: torch.save(self.model.state_dict(), path)
            )
        if self.moving_average is not None:
            self.moving_average.restore()

        self.data_loader.update_from_epoch_metrics(on_main(lambda: scores))
        if self.scheduler is not None:
            self.scheduler.step_epoch(validation.get(self.tracker.name))
        for callback in self.callbacks:
            callback.on_epoch(self, self.metrics, self.epoch)

        self.epoch += 1
        self.steps_done_in_epoch = 0
        self.totals = {}
        self._memory.release_if_due()
        if self.checkpointer.save_completed_epochs:
            self._save(self.data_loader.state_dict())

    def _end(self) -> None:
        """Call `on_end` of the callbacks and keep the metrics that they add."""
        metrics = dict(self.metrics)
        for callback in self.callbacks:
            callback.on_end(self, metrics)
        self.metrics = metrics

    def _save_if_due(self, loader_state: dict[str, Any]) -> None:
        """Write a checkpoint within an epoch if one is due."""
        # The clocks of processes differ: the main process decides.
        if on_main(lambda: self.checkpointer.is_due(self.steps_done_in_epoch)):
            self.seconds = time.monotonic() - self._started
            self._save(loader_state)

    def _save(self, loader_state: dict[str, Any]) -> None:
        """Write a checkpoint; `loader_state` is that before the current epoch was planned."""
        save_checkpoint(self.checkpointer, self, self.configured_callbacks, loader_state)


Trainer.register("gradient_descent")(Trainer)
LazyTrainer: TypeAlias = Annotated[
    Lazy[Trainer], Supplied("model", "data_loader", "evaluator", "serialization_dir", "recover")
]
