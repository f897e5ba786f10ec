"""The base of all loss weightings."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.modules.objectives import Statistics


class LossWeighting(torch.nn.Module, Registrable):
    """Says how much the losses of heads count; those of objectives have weights of their own.

    # Parameters

    heads : supplied; their names.
    """

    default_implementation = "fixed"

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__()

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """What a head's loss adds to that of the model.

        # Parameters

        head : its name.
        weight : of the head, by its own settings.
        loss : its share of the global batch's loss.
        share : of its sentences of the global batch, above 0 to 1; those of all micro-batches and processes add up to 1,
            and what is returned must add up with them.
        """
        raise NotImplementedError

    def report(self) -> Statistics:
        """What to report of its state."""
        return {}


LazyLossWeighting: TypeAlias = Annotated[Lazy[LossWeighting], Supplied("heads")]
