"""Base class of poolings.

Shape suffixes: B sequences, L characters, D state size.
"""

from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class Pooling(torch.nn.Module, Registrable):
    """Reduce the states of a sequence's characters to one vector, ignoring padding.

    # Parameters

    input_dim : supplied; size of a state, D.
    """

    default_implementation = "max"

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        self.input_dim = input_dim

    def forward(self, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """Pool the states of each sequence.

        # Parameters

        states_BLD : states, (B, L, D); any values at padding.
        mask_BL : (B, L) bool, True at characters, at least one in all.

        # Returns

        Vectors, (B, `get_output_dim()`); 0 for an empty sequence.
        """
        raise NotImplementedError

    def get_output_dim(self) -> int:
        """Size of a pooled vector."""
        return self.input_dim


LazyPooling: TypeAlias = Annotated[Lazy[Pooling], Supplied("input_dim")]


def build_pooling(pooling: Lazy[Pooling] | None, input_dim: int) -> Pooling:
    """Build a pooling; "max" if `pooling` is None."""
    return (
        construct(Pooling, {}, input_dim=input_dim)
        if pooling is None
        else pooling.construct(input_dim=input_dim)
    )
