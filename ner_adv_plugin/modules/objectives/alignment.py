"""Base class of objectives that align the distributions of pooled states of domains.

Shape suffixes: B sentences, M and N sentences of two domains, D size of a sentence's vector.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, ClassVar

import torch
from torch import Tensor

from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.objective import (
    Objective,
    check_domains,
    concatenated_states,
)
from ner_adv_plugin.modules.pooling import LazyPooling, build_pooling
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates


class Alignment(Objective):
    """Mean distance between the pooled states of two domains, over all pairs of domains.

    A distance between samples is not a sum over sentences. Each micro-batch gives its own estimate,
    from the pairs of domains with at least `min_sentences` sentences, and the estimates are
    averaged, weighted by the number of sentences. Large batches of mixed domains give the best
    estimates.

    # Parameters

    vocab : supplied; lists the domains.
    dims : supplied; state size of each tower.
    reads : names of the towers whose states are concatenated; ["shared"] by default.
    weight : weight of the loss.
    pooling : pooling of the states of a sentence; "max" by default.
    schedule : factor of `weight` over training; constant 1 by default.

    # Raises

    ConfigurationError : the datasets have fewer than two domains.
    """

    adds_up = False
    # Fewest sentences of a domain in a micro-batch for the domain to be compared.
    min_sentences: ClassVar[int] = 1

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

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the datasets that are trained on have two domains or more."""
        super().check(settings, context)
        check_domains(context)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {
            **super().default_values(settings),
            "reads": ["shared"],
            "pooling": {"type": "max"},
        }

    def distance(self, one_MD: Tensor, other_ND: Tensor) -> Tensor:
        """Distance between two samples, a scalar.

        # Parameters

        one_MD, other_ND : vectors of the sentences of two domains, float32.
        """
        raise NotImplementedError

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`; reports nothing."""
        pooled_BD = self.pool(concatenated_states(states, self.reads), batch.mask_BL).float()
        samples = [
            pooled_BD[index_tensor(sentences, batch.device)]
            for sentences in batch.sentences_by_domain().values()
        ]
        pairs = list(
            combinations([sample for sample in samples if len(sample) >= self.min_sentences], 2)
        )
        if not pairs:
            return pooled_BD.sum() * 0.0, {}

        # Differences of nearly equal numbers need more than half precision.
        with torch.autocast(pooled_BD.device.type, enabled=False):
            distance = torch.stack([self.distance(one, other) for one, other in pairs]).mean()
        return distance * len(batch) / batch.total, {}
