"""The base of objectives that bring the domains' distributions of pooled states together.

Shape suffixes: B sentences, M and N sentences of two domains, D size of a sentence's vector.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.objective import Objective, Statistics, side_by_side
from ner_adv_plugin.modules.pooling import LazyPooling, build_pooling
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.towers import TowerStates


class Alignment(Objective):
    """The mean distance, over all pairs of domains, between the sentences of one and of the other.

    A distance between samples is no sum over sentences. Each micro-batch gives an estimate of its own, of the pairs whose
    domains it has sentences enough of, and these are averaged by their sentences: large batches of
    mixed domains estimate it best.

    # Parameters

    vocab : supplied; gives the domains.
    dims : supplied; state size of every tower it reads.
    reads : towers whose states are put side by side.
    weight : of the loss.
    pooling : of a sentence's states; "max" by default.
    schedule : of a factor of `weight` over training; 1 all along by default.

    `fewest_sentences` : of a domain that is compared.
    """

    adds_up = False
    fewest_sentences: ClassVar[int] = 1

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        reads: list[str] | None = None,
        weight: float = 1.0,
        pooling: LazyPooling | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(reads or ["shared"], weight, schedule)
        if len(vocab.domains) < 2:
            raise ConfigurationError(
                f"needs two domains or more, the datasets have {vocab.domains}"
            )
        self.pool = build_pooling(pooling, sum(dims[name] for name in self.reads))

    def distance(self, one_MD: Tensor, other_ND: Tensor) -> Tensor:
        """How far apart two samples are."""
        raise NotImplementedError

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`; reports nothing."""
        pooled_BD = self.pool(side_by_side(states, self.reads), batch.mask_BL).float()
        present = [
            pooled_BD[batch.domain_B == domain] for domain in batch.domain_B.unique().tolist()
        ]
        pairs = list(
            combinations([part for part in present if len(part) >= self.fewest_sentences], 2)
        )
        if not pairs:
            return pooled_BD.sum() * 0.0, {}
        # Differences of near numbers: not in half precision.
        with torch.autocast(pooled_BD.device.type, enabled=False):
            distance = torch.stack([self.distance(one, other) for one, other in pairs]).mean()
        return distance * len(batch) / batch.total, {}
