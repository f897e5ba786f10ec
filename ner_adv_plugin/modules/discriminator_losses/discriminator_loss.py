"""Base class of discriminator losses.

Shape suffixes: B sentences, K classes.
"""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class DiscriminatorLoss(torch.nn.Module, Registrable):
    """Loss of a discriminator for each sentence.

    # Parameters

    sizes : supplied; number of training sentences of each class, in the order of the logits; 0 if
        unknown.
    """

    default_implementation = "cross_entropy"

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, logits_BK: Tensor, class_B: Tensor) -> Tensor:
        """Compute the loss of each sentence.

        # Parameters

        logits_BK : scores of the classes, (B, K).
        class_B : index of the gold class, (B,) long.

        # Returns

        Loss of each sentence, (B,).
        """
        raise NotImplementedError


LazyDiscriminatorLoss: TypeAlias = Annotated[Lazy[DiscriminatorLoss], Supplied("sizes")]
