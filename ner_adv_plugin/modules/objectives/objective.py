"""The base of all objectives.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.processes import check_adds_up
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.schedules import ConstantSchedule, Schedule
from ner_adv_plugin.modules.towers import TowerStates

# Sums over a batch and the number of things summed: their quotient over an epoch is what is reported.
Statistics: TypeAlias = dict[str, tuple[Tensor | float, int]]


class Objective(torch.nn.Module, Registrable):
    """A loss on the states of towers, added to the heads' losses in training.

    # Parameters

    reads : towers it reads.
    weight : of its loss.
    schedule : of a factor of `weight` over training; 1 all along by default.

    `adds_up` says whether the losses of parts of a batch, over the totals of the whole, add up to the loss of the
    whole: where they do not, a run on several processes is refused. `every_sentence` says whether the towers it reads run
    over every sentence; where not, over those whose heads read them.
    """

    adds_up = True
    every_sentence = True

    def __init__(
        self, reads: list[str], weight: float = 1.0, schedule: Schedule | None = None
    ) -> None:
        super().__init__()
        self.reads = reads
        self.weight = weight
        self.schedule = schedule or ConstantSchedule()

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: whether it may run on several processes."""
        if context.run is not None:
            check_adds_up(cls, context.run.processes)

    def weight_at(self, progress: float) -> float:
        """The weight of its loss after a share of all training steps, 0 to 1."""
        return self.weight * self.schedule.at(progress)

    def targets(self, dataset: EncodedDataset) -> Targets:
        """What the objective learns from besides states, made once for a dataset; found again in `batch.targets`.

        # Parameters

        dataset : sentences of any task, with or without labels; asked of every dataset.
        """
        return {}

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """Its share of the global batch's loss, before `weight`, and what to report of it.

        # Parameters

        states : of the towers it reads, where these ran over any sentence.
        batch : the whole batch.
        progress : share of training steps done, 0 to 1.
        """
        raise NotImplementedError


def side_by_side(states: Mapping[str, TowerStates], names: list[str]) -> Tensor:
    """States of towers that ran over every sentence, (B, L, sum of their sizes)."""
    return torch.cat([states[name].states_BLD for name in names], -1)


LazyObjective: TypeAlias = Annotated[Lazy[Objective], Supplied("vocab", "dims")]
