"""Base class of models.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.heads import Readings
from ner_adv_plugin.modules.statistics import Statistics


class Model(torch.nn.Module, Registrable):
    """Predict the spans of sentences, with one head per task.

    `predict`, `encode` and `rank` must be thread-safe: do not keep per-call state on `self`.

    # Parameters

    vocab : supplied; the run's vocabulary.
    """

    # Whether `forward` respects `Batch.divergence_weight`, which the training step "r_drop" needs.
    adds_divergence: ClassVar[bool] = False

    def __init__(self, vocab: Vocabulary) -> None:
        super().__init__()
        self.vocab = vocab

    @property
    def alphabet(self) -> Alphabet:
        """The character vocabulary: gives the token indices of the model's batches."""
        raise NotImplementedError

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        """Compute the training loss of a micro-batch.

        # Parameters

        batch : sentences, with or without labels.
        progress : fraction of the training steps completed, 0 to 1.

        # Returns

        `loss` : the total loss, a scalar; missing if the batch has nothing to learn from.
        `losses` : its summands by name, for the training step "aggregated"; missing like `loss`.
        `statistics` : sums and counts to log, see `Statistics`.
        """
        raise NotImplementedError

    def trainable_by_loss(self) -> dict[str, set[str]]:
        """Return the names of the trainable parameters that each of the `losses` depends on.

        # Returns

        Names by loss; empty, the default, if they are not known before a forward pass.
        """
        return {}

    def targets(self, dataset: EncodedDataset, training: bool = True) -> dict[str, Targets]:
        """Make the training targets of a dataset.

        # Parameters

        dataset : sentences; the result becomes their `targets`.
        training : whether the sentences are for training, not only for reporting the loss.

        # Returns

        Targets by owner, such as "heads.weibo" and "objectives.0".

        # Raises

        DataError : gold spans overlap, and the head of the dataset cannot represent this.
        """
        raise NotImplementedError

    def end_step(self) -> Statistics:
        """Return statistics of the backward passes of an optimizer step, by default none.

        Called after the passes of all micro-batches, by every process.
        """
        return {}

    def end_epoch(self) -> None:
        """Update what depends on the losses of whole epochs; every process calls it."""

    def predict(
        self, batch: Batch, head: str, scored: bool = True
    ) -> tuple[list[list[ScoredSpan]], Tensor | None]:
        """Predict the spans of each sentence.

        # Parameters

        batch : the sentences.
        head : name of the head.
        scored : whether to compute the scores of the spans; if false, they may be NaN.

        # Returns

        The spans of each sentence, and the loss of each sentence, (B,), or None if the batch has no
        targets for the head.
        """
        raise NotImplementedError

    def measure(self, batch: Batch, head: str) -> Statistics:
        """Measure a head on sentences with targets, without a gradient; see `Head.statistics`.

        # Parameters

        batch : the sentences, with targets.
        head : name of the head.
        """
        raise NotImplementedError

    def encode(self, batch: Batch) -> Tensor:
        """Compute the states of the encoder, (B, L, D)."""
        raise NotImplementedError

    def span_probabilities(
        self, batch: Batch, head: str, temperatures: Sequence[float]
    ) -> tuple[list[list[ScoredSpan]], NDArray[np.float64]]:
        """Predict the spans of each sentence with their probabilities at several temperatures.

        # Parameters

        batch : the sentences.
        head : name of the head.
        temperatures : temperatures by which scores are divided.

        # Returns

        The spans of each sentence, and probabilities, (temperatures, spans of all sentences).

        # Raises

        UserError : the head does not compute probabilities.
        """
        raise NotImplementedError

    def rank(self, batch: Batch, head: str, n: int, entropy: bool = False) -> Readings:
        """Decode the `n` most probable readings of each sentence with one head; see `Head.rank`."""
        raise NotImplementedError

    def check_calibration(self, head: str) -> None:
        """Raise `UserError` if a head cannot be calibrated; called before training."""

    def set_temperature(self, head: str, temperature: float) -> None:
        """Set the temperature by which a head's scores are divided to get probabilities."""
        raise NotImplementedError

    def check_ranking(self, head: str) -> None:
        """Raise `UserError` if a head does not rank readings; called before `rank`."""

    def scheme(self, head: str) -> TagScheme | None:
        """Tag scheme of a head; None if it does not tag characters."""
        raise NotImplementedError

    def add_words(self, path: str | Path) -> None:
        """Add the words of a user's list to the model's lexicon; see `Encoder.add_words`."""
        raise UserError("the model has no lexicon")

    def save_files(self, directory: Path) -> None:
        """Save the files needed to rebuild the model, other than weights and vocabulary."""

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Load the weights of this model from those of a model with the same heads or more.

        # Parameters

        state : a state dict; every weight of this model must be in it, others are ignored.
        """
        names = self.state_dict()
        self.load_state_dict({name: state[name] for name in names if name in state}, strict=True)


LazyModel: TypeAlias = Annotated[Lazy[Model], Supplied("vocab", "only_heads")]
