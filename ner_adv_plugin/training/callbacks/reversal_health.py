"""Diagnostics of gradient reversals and their discriminators."""

import inspect
import logging
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from torch.utils.hooks import RemovableHandle

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import gather, is_main
from ner_adv_plugin.common.schema import registered
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives import Adversary, Discriminator, Objective
from ner_adv_plugin.modules.statistics import Statistics, add_statistics
from ner_adv_plugin.modules.towers import TowerStates
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.domain_probe import probe, tower_features
from ner_adv_plugin.training.callbacks.gradient_shares import GradientShares
from ner_adv_plugin.training.callbacks.reversal import Reversal
from ner_adv_plugin.training.training_run import TrainingRun

logger = logging.getLogger(__name__)

Arguments = tuple[Mapping[str, TowerStates], Batch, float]


@TrainerCallback.register("reversal_health")
class ReversalHealthCallback(TrainerCallback):
    """Report whether the objectives with a gradient reversal influence the towers that they read.

    Registered as "reversal_health". It watches the objectives "domain_adversarial",
    "conditional_adversarial" and "wasserstein", and adds three kinds of metrics, none of which
    needs a backward pass of its own; the gradients of the tower states are kept in memory during a
    measured step.

    `reversal_ratio` is the norm of the reversed gradient divided by that of the heads' gradient.
    Both are gradients of weighted losses with respect to the states of the objective's towers, over
    all sentences of a step; the gradients of other objectives are in neither.
    `discriminator_chance` is the share of the most frequent class among the sentences of the epoch
    so far: the accuracy of a constant prediction, to compare with `discriminator_accuracy`. A
    critic ("wasserstein") has neither.
    `probe_<tower>_accuracy`, `probe_<tower>_chance` and `probe_<tower>_a_distance` are the scores
    of a linear probe trained after the last step on each tower's states of training sentences, mean
    and maximum over the sentence (Ben-David et al. 2007, "Analysis of representations for domain
    adaptation").

    Two warnings are logged. The reversal is inert: in an epoch in which it has at least half of its
    final strength, the mean ratio is below 1e-3, or below 1e-2 if weight x scale is below 1e-3. The
    discriminator has collapsed: its accuracy is not above chance in two consecutive epochs.

    # Parameters

    serialization_dir : supplied.
    interval : steps between two measurements of the ratio, counted from the start of each epoch.
    probe_sentences : maximum number of training sentences per class for the probe; 0 for no probe.

    # Example

    ```jsonnet
    { type: 'reversal_health', interval: 10, probe_sentences: 200 }
    ```
    """

    every_process = True

    moved_keys: ClassVar[Mapping[str, str]] = {"probe_rows": "It is called probe_sentences now."}

    def __init__(
        self, serialization_dir: str, interval: int = 10, probe_sentences: int = 200
    ) -> None:
        super().__init__(serialization_dir)
        self.interval = at_least(1, interval, "interval")
        self.probe_sentences = at_least(0, probe_sentences, "probe_sentences")
        self._reversals: list[Reversal] = []
        self._resumed: list[dict[str, Any]] = []
        self._hooks: list[RemovableHandle] = []
        self._shares: GradientShares | None = None
        self._vocab: Vocabulary | None = None

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`.

        # Raises

        ConfigurationError : if the model has no objective with a gradient reversal.
        """
        objectives: list[Objective] = list(getattr(trainer.model, "objectives", []))
        self._reversals = [
            Reversal(objective, index, "" if len(objectives) == 1 else f"objective_{index}_")
            for index, objective in enumerate(objectives)
            if isinstance(objective, Adversary)
        ]
        if not self._reversals:
            raise ConfigurationError(
                '"reversal_health" needs an objective with a gradient reversal,'
                f" {_adversaries()}: the model has none",
                "trainer.callbacks",
                absolute=True,
            )
        if self._resumed:
            for reversal, state in zip(self._reversals, self._resumed, strict=True):
                reversal.load_state_dict(state)

        self._vocab = trainer.model.vocab
        self._hooks = [
            objective.register_forward_pre_hook(partial(self._before_objective, index))
            for index, objective in enumerate(objectives)
        ]
        self._watch_if_due(trainer)

    def _before_objective(
        self, index: int, objective: Objective, arguments: Arguments
    ) -> Arguments | None:
        """Count the classes of an objective's sentences; replace its states to record gradients."""
        states, batch, progress = arguments
        if not objective.training:
            return None

        for reversal in self._reversals:
            if reversal.index == index and isinstance(objective, Discriminator):
                assert self._vocab is not None
                pairs = zip(batch.datasets, batch.heads, strict=True)
                classes = [reversal.class_of(self._vocab, *pair) for pair in pairs]
                reversal.step_counts.update(name for name in classes if name is not None)

        if self._shares is None:
            return None
        return self._shares.watched(index, states, objective.reads), batch, progress

    def on_backward(self, trainer: TrainingRun, batch_metrics: Statistics) -> None:
        """See `TrainerCallback.on_backward`."""
        for reversal in self._reversals:
            chance_key = f"{reversal.prefix}discriminator_chance"
            ratio_key = f"{reversal.prefix}reversal_ratio"
            of_epoch: Statistics = {}
            of_step: Statistics = {}

            step_counts = sum(gather(reversal.step_counts), Counter[str]())
            largest_before = max(reversal.epoch_counts.values(), default=0)
            reversal.epoch_counts.update(step_counts)
            reversal.step_counts.clear()
            largest = max(reversal.epoch_counts.values(), default=0)
            # Over an epoch the differences add up to the size of its most frequent class.
            if isinstance(reversal.objective, Discriminator):
                of_epoch[chance_key] = (largest - largest_before, step_counts.total())
                of_step[chance_key] = (largest, reversal.epoch_counts.total())

            if self._shares is not None:
                ratio = self._shares.ratio(reversal.index, reversal.objective.reads)
                if ratio is not None:
                    reversal.ratio = ratio
                    of_epoch[ratio_key] = (ratio, 1)
            if reversal.ratio is not None:
                of_step[ratio_key] = (reversal.ratio, 1)

            add_statistics(trainer.totals, of_epoch)
            batch_metrics.update(of_step)
        self._shares = None

    def on_batch(
        self, trainer: TrainingRun, epoch: int, batch_number: int, is_training: bool
    ) -> None:
        """See `TrainerCallback.on_batch`."""
        self._watch_if_due(trainer)

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        """See `TrainerCallback.on_epoch`."""
        first_step = trainer.steps_done - trainer.steps_done_in_epoch
        measured_steps = range(first_step, trainer.steps_done, self.interval)
        progress = [min(1.0, step / trainer.total_steps) for step in measured_steps]

        for reversal in self._reversals:
            reversal.epoch_counts.clear()
            strength = sum(map(reversal.strength, progress)) / len(progress)
            ratio, accuracy, chance = (
                metrics.get(f"training_{reversal.prefix}{name}")
                for name in ("reversal_ratio", "discriminator_accuracy", "discriminator_chance")
            )
            reversal.warn_if_inert(ratio, strength)
            reversal.warn_if_collapsed(accuracy, chance)

        # The first step of the next epoch is measured.
        self._shares = GradientShares()

    def on_end(self, trainer: TrainingRun, metrics: dict[str, Any] | None = None) -> None:
        """See `TrainerCallback.on_end`; adds the scores of the probe if training is finished."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

        if not self.probe_sentences or metrics is None:
            return
        if trainer.is_finished() and is_main():
            for reversal in self._reversals:
                metrics.update(self._probe(trainer, reversal))

    def _probe(self, trainer: TrainingRun, reversal: Reversal) -> dict[str, float]:
        """Return the scores of a linear probe on each tower that an objective reads."""
        model, sentences = trainer.model, trainer.data_loader.sentences()
        classes = {
            name: reversal.class_of(model.vocab, name, own.head) for name, own in sentences.items()
        }
        with trainer.accelerator.autocast():
            features, class_N = tower_features(
                model, reversal.objective, sentences, classes, self.probe_sentences
            )

        scores: dict[str, float] = {}
        for tower, features_NF in features.items():
            result = probe(features_NF, class_N)
            if result is None:
                continue
            prefix = f"{reversal.prefix}probe_{tower}"
            scores |= {f"{prefix}_{name}": value for name, value in vars(result).items()}
            logger.info(
                '%s: probe of tower "%s": accuracy %.3f (chance %.3f), proxy A-distance %.3f',
                reversal.path,
                tower,
                result.accuracy,
                result.chance,
                result.a_distance,
            )
        return scores

    def _watch_if_due(self, trainer: TrainingRun) -> None:
        """Record gradients in the next step if it is to be measured."""
        is_due = trainer.steps_done_in_epoch % self.interval == 0
        self._shares = GradientShares() if is_due else None

    def state_dict(self) -> dict[str, Any]:
        """See `TrainerCallback.state_dict`."""
        return {"reversals": [reversal.state_dict() for reversal in self._reversals]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `TrainerCallback.load_state_dict`."""
        self._resumed = state_dict["reversals"]


def _adversaries() -> str:
    """Return the registered names of objectives with a gradient reversal."""
    names = sorted(
        name
        for name, own in registered(Objective).items()
        if inspect.isclass(own) and issubclass(own, Adversary)
    )
    return ", ".join(f'"{name}"' for name in names)
