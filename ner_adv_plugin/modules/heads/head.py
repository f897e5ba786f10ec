"""The base of all heads.

Shape suffixes: B rows, L characters, D state size, T tags.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.labels.tag_schemes import OUTSIDE_TAG
from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.modules.dropout import Dropout


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

    A subclass that computes `marginal` sets `learns_partial_labels`; one that does not refuses datasets with
    `annotated_types`.

    # Parameters

    label_space : supplied; the head's labels and scheme.
    input_dim : supplied; size of the states of all towers it reads.
    reads : towers it reads; those the model's type presets where null.
    weight : of its loss.
    dropout : on the states.
    normalize_by : divide a row's loss by its characters, or leave it a sum over the row ("rows").
    """

    default_implementation = "crf"
    learns_partial_labels: ClassVar[bool] = False
    # (D, T, T) bool: for each dataset with partial labels, which tags a gold tag [from] may stand for [to].
    stands_for_DTT: Tensor

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
        self.dropout = Dropout(dropout)
        self.projection = torch.nn.Linear(input_dim, len(label_space.labels))
        if label_space.annotated_types and not self.learns_partial_labels:
            raise ConfigurationError(
                f"{type(self).__name__} does not learn partial labels, which dataset_reader declares by annotated_types"
                f' for {", ".join(label_space.annotated_types)}: expected "crf" or "softmax"',
                "type",
            )
        self.register_buffer("stands_for_DTT", _stands_for(label_space), persistent=False)
        self.set_up()

    def set_up(self) -> None:
        """Make what a subclass needs beside the projection."""

    def forward(self, states_BLD: Tensor, batch: Batch) -> HeadOutput:
        """Tag scores of its rows, in the precision of its weights also under autocast, and their loss where `batch`
        holds gold tags."""
        with torch.autocast(states_BLD.device.type, enabled=False):
            emissions_BLT: Tensor = self.projection(self.dropout(states_BLD.to(self.projection.weight.dtype)))
        if batch.tags_BL is None:
            return HeadOutput(emissions_BLT)
        return HeadOutput(emissions_BLT, self._nll(emissions_BLT, batch.tags_BL, batch))

    def _nll(self, emissions_BLT: Tensor, tags_BL: Tensor, batch: Batch) -> Tensor:
        """Each row's loss: of the gold path, or, under partial labels, of all paths that its tags may stand for."""
        indices = {name: index for index, name in enumerate(self.label_space.annotated_types)}
        partial = [row for row, name in enumerate(batch.datasets) if name in indices]
        if not partial:
            return self.negative_log_likelihood(emissions_BLT, tags_BL, batch.mask_BL)
        full = [row for row, name in enumerate(batch.datasets) if name not in indices]
        datasets_P1 = torch.tensor([[indices[batch.datasets[row]]] for row in partial], device=tags_BL.device)
        allowed_PLT = self.stands_for_DTT[datasets_P1, tags_BL[partial]]
        parts = [self.marginal(emissions_BLT[partial], allowed_PLT, batch.mask_BL[partial])]
        if full:
            parts.append(self.negative_log_likelihood(emissions_BLT[full], tags_BL[full], batch.mask_BL[full]))
        order = torch.tensor(partial + full, device=tags_BL.device).argsort()
        return torch.cat(parts)[order]

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

    def marginal(self, emissions_BLT: Tensor, allowed_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """Negative log-likelihood of each row's paths over these tags together, (B,)."""
        raise NotImplementedError

    def as_crf(self) -> ConditionalRandomField:
        """Its distribution over tag paths as a conditional random field over the emissions."""
        raise NotImplementedError

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """The best tags, (B, L), 0 beyond a row's end."""
        raise NotImplementedError


def _stands_for(space: LabelSpace) -> Tensor:
    """See `Head.stands_for_DTT`: O for every type that the dataset does not mark, any other tag for itself."""
    size = len(space.labels)
    table_DTT = torch.eye(size, dtype=torch.bool).repeat(len(space.annotated_types), 1, 1)
    for dataset, name in enumerate(space.annotated_types):
        table_DTT[dataset, space.labels.index(OUTSIDE_TAG), space.unannotated(name)] = True
    return table_DTT


LazyHead: TypeAlias = Annotated[Lazy[Head], Supplied("label_space", "input_dim")]
