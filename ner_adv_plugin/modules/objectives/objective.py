"""The base of all objectives."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.modules.towers import TowerStates

# Sums over a batch and the number of things summed: their quotient over an epoch is what is reported.
Statistics: TypeAlias = dict[str, tuple[Tensor | float, int]]


class Objective(torch.nn.Module, Registrable):
    """A loss on the states of towers, added to the heads' losses in training.

    # Parameters

    reads : towers it reads; those it reads run over every row.
    weight : of its loss.

    `adds_up` says whether the losses of parts of a batch, over the totals of the whole, add up to the loss of the
    whole: where they do not, a run on several processes is refused.
    """

    adds_up = True

    def __init__(self, reads: list[str], weight: float = 1.0) -> None:
        super().__init__()
        self.reads = reads
        self.weight = weight

    def forward(self, states: Mapping[str, TowerStates], batch: Batch, progress: float) -> tuple[Tensor, Statistics]:
        """Its share of the global batch's loss, before `weight`, and what to report of it.

        # Parameters

        states : of the towers it reads.
        batch : the whole batch.
        progress : share of training steps done, 0 to 1.
        """
        raise NotImplementedError


LazyObjective: TypeAlias = Annotated[Lazy[Objective], Supplied("vocab", "dims")]
