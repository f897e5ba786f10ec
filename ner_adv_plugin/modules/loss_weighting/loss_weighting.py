"""Base class of loss weightings."""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.modules.gradient_hooks import is_measuring
from ner_adv_plugin.modules.statistics import Statistics


class LossWeighting(torch.nn.Module, Registrable):
    """Weight the task losses; objectives are not affected, they have their own weights.

    # Parameters

    heads : supplied; names of the heads.
    """

    default_implementation = "fixed"

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__()

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """Weight the loss of one task.

        # Parameters

        head : name of the task's head.
        weight : the `weight` of the head's config.
        loss : scalar; contribution of this micro-batch to the task loss of the global batch.
        share : fraction of the task's sentences of the global batch that are in this micro-batch,
            above 0 and at most 1. The fractions of all micro-batches and processes add up to 1.

        # Returns

        Scalar to add to the loss of the model. It must be additive: the results of all
        micro-batches and processes add up to the result for the global batch.
        """
        raise NotImplementedError

    def is_trained(self, loss: Tensor) -> bool:
        """Return whether a loss is minimised, not only measured: only then may it change weights.

        # Parameters

        loss : see `forward`.
        """
        return self.training and loss.requires_grad and not is_measuring()

    def report(self) -> Statistics:
        """Statistics to log."""
        return {}

    def attach(
        self, parameters: Mapping[str, torch.nn.Parameter], reads: Mapping[str, Sequence[str]]
    ) -> None:
        """Get the parameters of the model, once it is built; by default they are not used.

        # Parameters

        parameters : parameters of the model by name.
        reads : for each head the towers that it reads.
        """

    def end_step(self) -> None:
        """Update the weights at the end of an optimizer step; every process calls it."""

    def end_epoch(self) -> None:
        """Update the weights at the end of an epoch; every process calls it."""


LazyLossWeighting: TypeAlias = Annotated[Lazy[LossWeighting], Supplied("heads")]
