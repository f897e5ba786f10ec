"""The base of all encoders."""

from pathlib import Path
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batch import Batch


class Encoder(torch.nn.Module, Registrable):
    """Gives one state a character; runs once over all rows of a batch.

    A subclass sets `alphabet`, which gives the indices that its batches carry. Its constructor may take
    `vocab`, which the model supplies.
    """

    default_implementation = "pretrained_transformer"
    alphabet: Alphabet
    # Positions that the last call computed, padding and special tokens included: what it cost.
    positions: int = 0

    def forward(self, batch: Batch) -> Tensor:
        """States (B, L, D), one position a character; what stands beyond a row's end is undefined."""
        raise NotImplementedError

    def get_output_dim(self) -> int:
        """D."""
        raise NotImplementedError

    def save_files(self, directory: Path) -> None:
        """Write what is needed, beside the weights and the vocabulary, to build this encoder again."""


LazyEncoder: TypeAlias = Annotated[Lazy[Encoder], Supplied("vocab")]
