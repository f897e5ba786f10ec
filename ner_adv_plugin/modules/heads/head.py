"""The base of all heads.

Shape suffixes: B rows, L characters, D state size, T tags.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.data.vocabulary import LabelSpace


@dataclass
class HeadOutput:
    """What a head says of its rows.

    # Parameters

    emissions_BLT : scores of tags.
    nll_B : negative log-likelihood of each row's gold tags, None without gold.
    """

    emissions_BLT: Tensor
    nll_B: Tensor | None = None


class Head(torch.nn.Module, Registrable):
    """A linear layer from states to tag scores, and what a subclass makes of those.

    # Parameters

    label_space : supplied; the head's labels and scheme.
    input_dim : supplied; size of the states of all towers it reads.
    reads : towers it reads; those the model's type presets where null.
    weight : of its loss.
    dropout : on the states.
    normalize_by : divide a row's loss by its characters, or leave it a sum over the row ("rows").
    """

    default_implementation = "crf"

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.2,
        normalize_by: Literal["characters", "rows"] = "characters",
    ) -> None:
        super().__init__()
        if weight < 0:
            raise ConfigurationError(f"expected 0 or more, found {weight}", "weight")
        self.label_space = label_space
        self.reads = reads
        self.weight = weight
        self.normalize_by = normalize_by
        self.dropout = torch.nn.Dropout(dropout)
        self.projection = torch.nn.Linear(input_dim, len(label_space.labels))
        self.set_up()

    def set_up(self) -> None:
        """Make what a subclass needs beside the projection."""

    def forward(self, states_BLD: Tensor, batch: Batch) -> HeadOutput:
        """Tag scores of its rows, and their loss where `batch` holds gold tags."""
        emissions_BLT = self.projection(self.dropout(states_BLD))
        if batch.tags_BL is None:
            return HeadOutput(emissions_BLT)
        return HeadOutput(emissions_BLT, self.negative_log_likelihood(emissions_BLT, batch.tags_BL, batch.mask_BL))

    def loss(self, output: HeadOutput, batch: Batch) -> Tensor:
        """Its share of the global batch's loss, before `weight`: the mean over all its rows of
        row loss / characters x row weight."""
        assert output.nll_B is not None
        row_loss_B = output.nll_B * batch.weights_B
        if self.normalize_by == "characters":
            row_loss_B = row_loss_B / batch.lengths_B.clamp(min=1)
        return row_loss_B.sum() / batch.totals[self.label_space.head]

    def negative_log_likelihood(self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Negative log-likelihood of each row, (B,), summed over its characters."""
        raise NotImplementedError

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """The best tags, (B, L), 0 beyond a row's end."""
        raise NotImplementedError


LazyHead: TypeAlias = Annotated[Lazy[Head], Supplied("label_space", "input_dim")]
