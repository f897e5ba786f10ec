"""Whether a gradient reversal does anything, and whether its discriminator is one."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from torch.utils.hooks import RemovableHandle

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import gather, is_main
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives import DomainAdversarial, Objective, Statistics
from ner_adv_plugin.modules.towers import TowerStates
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.domain_probe import probe, tower_features
from ner_adv_plugin.training.callbacks.gradient_shares import GradientShares
from ner_adv_plugin.training.steps.step import add_statistics
from ner_adv_plugin.training.training_run import TrainingRun

logger = logging.getLogger(__name__)
# The towers follow the heads a thousand times more than they flee the discriminator.
INERT = 1e-3
# Where weight x scale is below this, ten times that ratio is inert still: the gradients of heads whose loss is a mean
# over characters are smaller by a sentence's length.
WEAK = 1e-3
# Epochs on end in which the discriminator is no better than a constant answer.
FLAT_EPOCHS = 2
Arguments = tuple[Mapping[str, TowerStates], Batch, float]


@dataclass
class _Reversal:
    """What is known of one discriminator.

    # Parameters

    objective, index : it, and its place among all objectives.
    prefix : what the names of its metrics begin with.
    step, drawn : sentences of each class in the present step, and in the epoch before it.
    ratio : the latest.
    flat_epochs : epochs on end in which it was no better than a constant answer.
    warned : what was warned of.
    """

    objective: DomainAdversarial
    index: int
    prefix: str
    step: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    ratio: float | None = None
    flat_epochs: int = 0
    warned: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where the config describes it."""
        return f"model.objectives.{self.index}"

    def class_of(self, vocab: Vocabulary, dataset: str, head: str | None) -> str | None:
        """What it is to predict of a sentence."""
        return vocab.datasets[dataset].domain if self.objective.places is None else head

    def strength(self, progress: float) -> float:
        """What its loss's gradient is multiplied by on its way to the towers."""
        return self.objective.weight_at(progress) * self.objective.reversal.at(progress)

    def warn(self, message: str, *values: Any) -> None:
        """Warn once."""
        if message not in self.warned:
            self.warned.append(message)
            if is_main():
                logger.warning(f"%s: {message}", self.place, *values)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        state = {name: getattr(self, name) for name in ("ratio", "flat_epochs")}
        return {**state, "drawn": dict(self.drawn), "warned": list(self.warned)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.ratio, self.flat_epochs = state["ratio"], state["flat_epochs"]
        self.drawn, self.warned = Counter(state["drawn"]), list(state["warned"])


@TrainerCallback.register("reversal_health")
class ReversalHealthCallback(TrainerCallback):
    """Reports of every "domain_adversarial" objective whether it does anything to the towers it reads.

    `reversal_ratio`: the norm of the reversed gradient over that of the heads' gradient, both of the weighted losses,
    at the states of these towers, over all sentences of a step; what other objectives give is in neither.
    `discriminator_chance`, beside `discriminator_accuracy`: the share of the largest class in the sentences that the epoch
    drew so far, which a constant answer gets. At the end `probe_<tower>_accuracy`, `_chance` and `_a_distance`: a fresh
    linear probe on the towers' states of training sentences, mean and maximum over each sentence, after the last step
    (Ben-David et al. 2007, "Analysis of representations for domain adaptation").

    Warns where the ratio, mean of an epoch in which the reversal has half of its final strength or more, is below 1e-3,
    or below 1e-2 with weight x scale below 1e-3; and where the discriminator's accuracy is not above chance two epochs
    on end, as that of a constant answer. Measuring takes no further pass; it holds the states' gradients until the step
    ends.
    Registered as "reversal_health".

    # Parameters

    serialization_dir : supplied.
    interval : steps between two measurements of the ratio, from the first of every epoch.
    probe_sentences : training sentences of each class for the probe, at most; 0 for no probe.
    """

    every_process = True

    moved_keys: ClassVar[Mapping[str, str]] = {"probe_rows": "It is called probe_sentences now."}

    def __init__(
        self, serialization_dir: str, interval: int = 10, probe_sentences: int = 200
    ) -> None:
        super().__init__(serialization_dir)
        for name, value, least in (
            ("interval", interval, 1),
            ("probe_sentences", probe_sentences, 0),
        ):
            if value < least:
                raise ConfigurationError(f"expected {least} or more, found {value}", name)
        self.interval = interval
        self.probe_sentences = probe_sentences
        self._reversals: list[_Reversal] = []
        self._resumed: list[dict[str, Any]] = []
        self._hooks: list[RemovableHandle] = []
        self._shares: GradientShares | None = None
        self._vocab: Vocabulary | None = None

    def on_start(self, trainer: TrainingRun, is_primary: bool = True) -> None:
        """See `TrainerCallback.on_start`; raises `ConfigurationError` if the model has no reversal."""
        objectives: list[Objective] = list(getattr(trainer.model, "objectives", []))
        self._reversals = [
            _Reversal(objective, index, "" if len(objectives) == 1 else f"objective_{index}_")
            for index, objective in enumerate(objectives)
            if isinstance(objective, DomainAdversarial)
        ]
        if not self._reversals:
            raise ConfigurationError(
                '"reversal_health" finds no objective "domain_adversarial"',
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
        """Count what it is shown, and show it states whose gradients are known apart."""
        states, batch, progress = arguments
        if not objective.training:
            return None
        for reversal in self._reversals:
            if reversal.index == index:
                assert self._vocab is not None
                pairs = zip(batch.datasets, batch.heads, strict=True)
                found = [reversal.class_of(self._vocab, *pair) for pair in pairs]
                reversal.step.update(name for name in found if name is not None)
        return (
            None
            if self._shares is None
            else (self._shares.watched(index, states, objective.reads), batch, progress)
        )

    def on_backward(self, trainer: TrainingRun, batch_metrics: Statistics) -> None:
        """See `TrainerCallback.on_backward`."""
        for reversal in self._reversals:
            before, step = (
                max(reversal.drawn.values(), default=0),
                sum(gather(reversal.step), Counter[str]()),
            )
            reversal.drawn.update(step)
            reversal.step.clear()
            most = max(reversal.drawn.values(), default=0)
            # Over the epoch the differences add up to the sentences of its largest class.
            own: Statistics = {
                f"{reversal.prefix}discriminator_chance": (most - before, step.total())
            }
            shown: Statistics = {
                f"{reversal.prefix}discriminator_chance": (most, reversal.drawn.total())
            }
            ratio = (
                self._shares.ratio(reversal.index, reversal.objective.reads)
                if self._shares
                else None
            )
            if ratio is not None:
                reversal.ratio = ratio
                own[f"{reversal.prefix}reversal_ratio"] = (ratio, 1)
            if reversal.ratio is not None:
                shown[f"{reversal.prefix}reversal_ratio"] = (reversal.ratio, 1)
            add_statistics(trainer.totals, own)
            batch_metrics.update(shown)
        self._shares = None

    def on_batch(
        self, trainer: TrainingRun, epoch: int, batch_number: int, is_training: bool
    ) -> None:
        """See `TrainerCallback.on_batch`."""
        self._watch_if_due(trainer)

    def on_epoch(self, trainer: TrainingRun, metrics: dict[str, Any], epoch: int) -> None:
        """See `TrainerCallback.on_epoch`."""
        measured = range(
            trainer.steps_done - trainer.steps_done_in_epoch, trainer.steps_done, self.interval
        )
        progress = [min(1.0, step / trainer.total_steps) for step in measured]
        for reversal in self._reversals:
            reversal.drawn.clear()
            strength = sum(map(reversal.strength, progress)) / len(progress)
            scores = {
                name: metrics.get(f"training_{reversal.prefix}{name}")
                for name in ("reversal_ratio", "discriminator_accuracy", "discriminator_chance")
            }
            self._judge(reversal, strength, *scores.values())
        # The first step of the next.
        self._shares = GradientShares()

    def _judge(
        self,
        reversal: _Reversal,
        strength: float,
        ratio: float | None,
        accuracy: float | None,
        chance: float | None,
    ) -> None:
        """Warn of what an epoch's means say; `strength` is that of the steps whose ratios were taken."""
        final = reversal.strength(1.0)
        limit = 10 * INERT if final < WEAK else INERT
        if ratio is not None and ratio < limit and strength >= 0.5 * final:
            reversal.warn(
                "the reversal is inert: its gradient has %.1e of the norm of the heads', below %.0e: raise the weight"
                " of the objective or the scale of the reversal, together %.1e",
                ratio,
                limit,
                final,
            )
        if accuracy is not None and chance is not None:
            reversal.flat_epochs = reversal.flat_epochs + 1 if accuracy <= chance else 0
            if reversal.flat_epochs >= FLAT_EPOCHS:
                reversal.warn(
                    "the discriminator was right in %.3f of the sentences, a constant answer in %.3f, %d epochs on end: it"
                    " has collapsed, or there is nothing left to find, as the probe will tell",
                    accuracy,
                    chance,
                    FLAT_EPOCHS,
                )

    def on_end(self, trainer: TrainingRun, metrics: dict[str, Any] | None = None) -> None:
        """See `TrainerCallback.on_end`; probes only if training was not cut short."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        if (
            not trainer.is_finished()
            or not self.probe_sentences
            or metrics is None
            or not is_main()
        ):
            return
        for reversal in self._reversals:
            metrics.update(self._probe(trainer, reversal))

    def _probe(self, trainer: TrainingRun, reversal: _Reversal) -> dict[str, float]:
        """What a fresh probe finds in each tower that an objective reads."""
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
            if result is not None:
                start = f"{reversal.prefix}probe_{tower}"
                scores |= {f"{start}_{name}": value for name, value in vars(result).items()}
                logger.info(
                    '%s: a fresh probe on tower "%s" is right in %.3f of the sentences (chance %.3f), proxy A-distance %.3f',
                    *(reversal.place, tower, result.accuracy, result.chance, result.a_distance),
                )
        return scores

    def _watch_if_due(self, trainer: TrainingRun) -> None:
        """Listen to the coming step, where it is measured."""
        self._shares = (
            GradientShares() if trainer.steps_done_in_epoch % self.interval == 0 else None
        )

    def state_dict(self) -> dict[str, Any]:
        """See `TrainerCallback.state_dict`."""
        return {"reversals": [reversal.state_dict() for reversal in self._reversals]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `TrainerCallback.load_state_dict`."""
        self._resumed = state_dict["reversals"]
