"""The base of all encoders."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.encoders.perturbation import Perturbation


class Encoder(torch.nn.Module, Registrable):
    """Gives one state a character; runs once over all sequences of a batch.

    A subclass sets `alphabet`, which gives the indices that its batches carry. Its constructor may take
    `vocab`, which the model supplies.
    """

    default_implementation = "pretrained_transformer"
    alphabet: Alphabet
    # Positions that the last call computed, padding and special tokens included: what it cost.
    positions: int = 0
    # Added to the embeddings of the next calls: an encoder asks `added` for it.
    perturbation: Perturbation | None = None

    @classmethod
    def alphabet_of(cls, vocab: Vocabulary, settings: Mapping[str, Any]) -> Alphabet | None:
        """The alphabet of the encoder with these settings, where that takes no weights; None where it does."""
        return None

    def forward(self, batch: Batch) -> Tensor:
        """States (B, L, D), one position a character; what stands beyond a sequence's end is undefined."""
        raise NotImplementedError

    @contextlib.contextmanager
    def perturbed(self, perturbation: Perturbation) -> Iterator[None]:
        """Inside, calls, all for the sequences of one batch, add a perturbation to the outputs of the embedding layer."""
        self.perturbation = perturbation
        try:
            yield
        finally:
            self.perturbation = None

    def added(self, ids_BP: Tensor, size: int) -> Tensor | None:
        """What to add to the embeddings, of `size`, of these positions, (B, P, size); None outside of `perturbed`."""
        return None if self.perturbation is None else self.perturbation.of(ids_BP, size)

    def get_output_dim(self) -> int:
        """D."""
        raise NotImplementedError

    def save_files(self, directory: Path) -> None:
        """Write what is needed, beside the weights and the vocabulary, to build this encoder again."""


LazyEncoder: TypeAlias = Annotated[Lazy[Encoder], Supplied("vocab")]
