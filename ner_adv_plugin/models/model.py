"""The base of all models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.crf import PathDistribution


class Model(torch.nn.Module, Registrable):
    """Tags the characters of rows of any of its heads.

    Several threads may ask for `predict`, `encode` and `distribution` at once: they count on nothing that they store.

    # Parameters

    vocab : supplied; the run's vocabulary.
    """

    def __init__(self, vocab: Vocabulary) -> None:
        super().__init__()
        self.vocab = vocab

    @property
    def alphabet(self) -> Alphabet:
        """Gives the character indices that its batches carry."""
        raise NotImplementedError

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        """The training loss of a batch.

        # Parameters

        batch : rows with gold tags, or without.
        progress : share of training steps done, 0 to 1.

        # Returns

        `loss`, absent where nothing in the batch teaches; `losses`, those it is the sum of, by name, which only the
        "aggregated" step wants; `statistics`, sums and counts to report (`Statistics`).
        """
        raise NotImplementedError

    def predict(self, batch: Batch, head: str) -> tuple[Tensor, Tensor | None]:
        """The best tags of every row by one head, (B, L), and each row's negative log-likelihood of the
        gold tags, (B,), where the batch holds them."""
        raise NotImplementedError

    def encode(self, batch: Batch) -> Tensor:
        """The encoder's states of every row, (B, L, D)."""
        raise NotImplementedError

    def distribution(self, batch: Batch, head: str) -> PathDistribution:
        """What one head says of every tag path of each row."""
        raise NotImplementedError

    def make_output_human_readable(self, tags_BL: Tensor, lengths: Sequence[int], head: str) -> list[list[str]]:
        """Labels of predicted tags, row by row."""
        labels = self.vocab.label_space(head).labels
        rows = tags_BL.tolist()
        return [[labels[tag] for tag in row[:length]] for row, length in zip(rows, lengths, strict=True)]

    def save_files(self, directory: Path) -> None:
        """Write what is needed, beside the weights and the vocabulary, to build this model again."""

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights that this model has, out of a whole model's; all of its own must be there."""
        own = self.state_dict()
        self.load_state_dict({name: state[name] for name in own if name in state}, strict=True)


LazyModel: TypeAlias = Annotated[Lazy[Model], Supplied("vocab", "only_heads")]
