"""What is known of one gradient reversal during training, and when to warn of it."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ner_adv_plugin.common.processes import is_main
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives import Adversary, Discriminator

logger = logging.getLogger(__name__)

# A reversal is inert if the norm of its gradient is below this fraction of that of the heads.
INERT = 1e-3
# If weight x scale is below this, the limit is ten times higher: the gradients of heads whose loss
# is a mean over characters are smaller by a factor of a sentence's length.
WEAK = 1e-3
# Warn after this many consecutive epochs in which the discriminator is no better than chance.
FLAT_EPOCHS = 2


@dataclass
class Reversal:
    """State of one adversarial objective.

    # Parameters

    objective, index : the objective, and its index among all objectives of the model.
    prefix : prefix of its metric names.
    step_counts : number of sentences by class in the current step of this process; empty if the
        objective does not classify.
    epoch_counts : number of sentences by class in the previous steps of the epoch.
    ratio : latest gradient ratio.
    flat_epochs : consecutive epochs in which the discriminator was no better than chance.
    warned : messages of the warnings so far.
    """

    objective: Adversary
    index: int
    prefix: str
    step_counts: Counter[str] = field(default_factory=Counter)
    epoch_counts: Counter[str] = field(default_factory=Counter)
    ratio: float | None = None
    flat_epochs: int = 0
    warned: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Config path of the objective."""
        return f"model.objectives.{self.index}"

    def class_of(self, vocab: Vocabulary, dataset: str, head: str | None) -> str | None:
        """Return the class of a sentence that the towers shall hide, None for no class."""
        objective = self.objective
        by_task = isinstance(objective, Discriminator) and objective.places is not None
        return head if by_task else vocab.datasets[dataset].domain

    def strength(self, progress: float) -> float:
        """Return weight x scale, the factor on the adversary's gradient, at `progress`."""
        return self.objective.weight_at(progress) * self.objective.reversal.at(progress)

    def warn(self, message: str, *values: Any) -> None:
        """Log a warning on the main process, each message once."""
        if message in self.warned:
            return

        self.warned.append(message)
        if is_main():
            logger.warning(f"%s: {message}", self.path, *values)

    def warn_if_inert(self, ratio: float | None, strength: float) -> None:
        """Warn if the mean ratio of an epoch is too small.

        # Parameters

        ratio : mean ratio of the epoch, None if it was not measured.
        strength : mean strength of the reversal in the measured steps.
        """
        final = self.strength(1.0)
        limit = 10 * INERT if final < WEAK else INERT
        if ratio is not None and ratio < limit and strength >= 0.5 * final:
            self.warn(
                "the reversal is inert: the norm of its gradient is %.1e of that of the heads,"
                " below %.0e: raise the weight of the objective or the scale of the reversal,"
                " whose product is %.1e",
                ratio,
                limit,
                final,
            )

    def warn_if_collapsed(self, accuracy: float | None, chance: float | None) -> None:
        """Warn if the discriminator was no better than chance for several epochs."""
        if accuracy is None or chance is None:
            return

        self.flat_epochs = self.flat_epochs + 1 if accuracy <= chance else 0
        if self.flat_epochs >= FLAT_EPOCHS:
            self.warn(
                "the accuracy of the discriminator is %.3f, that of a constant prediction %.3f,"
                " for %d consecutive epochs: either it has collapsed, or the states carry no"
                " information about the classes; the probe at the end of training shows which",
                accuracy,
                chance,
                FLAT_EPOCHS,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, in plain types."""
        return {
            "ratio": self.ratio,
            "flat_epochs": self.flat_epochs,
            "drawn": dict(self.epoch_counts),
            "warned": list(self.warned),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        self.ratio = state["ratio"]
        self.flat_epochs = state["flat_epochs"]
        self.epoch_counts = Counter(state["drawn"])
        self.warned = list(state["warned"])
