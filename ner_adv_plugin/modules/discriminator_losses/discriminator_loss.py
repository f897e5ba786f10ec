"""The base of all losses of discriminators.

Shape suffixes: B sentences, K classes.
"""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class DiscriminatorLoss(torch.nn.Module, Registrable):
    """What a discriminator loses on a sentence, from its scores of the classes and the right one.

    # Parameters

    sizes : supplied; for every class, in the order of their scores, its training sentences (0 where not known).
    """

    default_implementation = "cross_entropy"

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, logits_BK: Tensor, class_B: Tensor) -> Tensor:
        """Loss of every sentence, (B,)."""
        raise NotImplementedError


LazyDiscriminatorLoss: TypeAlias = Annotated[Lazy[DiscriminatorLoss], Supplied("sizes")]
