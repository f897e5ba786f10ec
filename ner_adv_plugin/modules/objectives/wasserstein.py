"""Wasserstein distance between domains, by a critic with a gradient penalty.

Shape suffixes: B sentences, M and N sentences of two domains, F size of a sentence's vector, Q
pairs of domains.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.objectives.adversary import Adversary
from ner_adv_plugin.modules.objectives.objective import Objective, check_domains
from ner_adv_plugin.modules.pooling import LazyPooling, build_pooling
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("wasserstein")
class WassersteinCritic(Adversary):
    """Bring the pooled states of domains closer in Wasserstein distance (WDGRL, Shen et al. 2018).

    A critic f estimates the distance of two domains as mean f(h) over the sentences of one minus
    mean f(h) over those of the other. It maximises

        distance - gamma mean (|grad f(h)|_2 - 1)^2,

    the penalty over the sentences of both and over random points between pairs of them, which keeps
    f close to 1-Lipschitz. The towers minimise the distance, through a gradient reversal, without
    the penalty. Unlike that of a discriminator, its gradient does not vanish if the domains are
    easy to tell apart ("Wasserstein distance guided representation learning for domain adaptation",
    algorithm 1). More than two domains have one output of the critic for each pair; the loss is the
    mean over the pairs in a micro-batch.

    The paper trains the critic for several steps before each step of the features. Here both learn
    in every step: give the critic a higher rate by a parameter group `^objectives`.

    A distance between samples is not a sum over sentences: batches are not cut, and a run on
    several processes is refused. Reports `wasserstein_distance`, `gradient_penalty` and
    `reversal_scale`; after the step `reversal_share`, if the reversal is "gradient_share".

    Registered as "wasserstein".

    # Parameters

    vocab : supplied; lists the domains.
    dims : supplied; state size of each tower.
    reads : names of the towers whose states are concatenated; ["shared"] by default.
    weight : weight of the loss.
    pooling : pooling of the states of a sentence; "max" by default.
    hidden_size : units of the hidden layer of the critic.
    penalty : gamma, 0 or more.
    reversal : schedule of the scale of the gradient reversal; constant 1 by default.
        "gradient_share" sets the scale so that the reversed gradient is a share of the heads'.
    schedule : factor of `weight` over training; constant 1 by default.

    # Raises

    ConfigurationError : there are fewer than two domains, or a number is out of range.

    # Example

    ```jsonnet
    { type: 'wasserstein', weight: 0.1, hidden_size: 100, penalty: 10, pooling: 'mean' }
    ```
    """

    adds_up = False

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        reads: list[str] | None = None,
        weight: float = 1.0,
        pooling: LazyPooling | None = None,
        hidden_size: int = 100,
        penalty: float = 10.0,
        reversal: Schedule | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(reads, weight, reversal, schedule)
        _check_numbers(hidden_size, penalty)
        domains = len(vocab.domains)
        if domains < 2:
            raise ConfigurationError(
                f"needs two domains or more, the datasets have {vocab.domains}"
            )

        self.penalty = penalty
        self.pairs = {pair: index for index, pair in enumerate(combinations(range(domains), 2))}
        self.pool = build_pooling(pooling, sum(dims[name] for name in self.reads))
        self.critic = torch.nn.Sequential(
            torch.nn.Linear(self.pool.get_output_dim(), hidden_size),
            torch.nn.ReLU(),
            # A bias is in both means, and so not in the distance.
            torch.nn.Linear(hidden_size, len(self.pairs), bias=False),
        )

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the numbers are in range, and there are two domains."""
        super().check(settings, context)
        _check_numbers(settings["hidden_size"], settings["penalty"])
        check_domains(context)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {**super().default_values(settings), "pooling": {"type": "max"}}

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`: the critic's loss, minus the distance plus the penalty."""
        pooled_BF = self.pool(self.reversed_states(states, progress), batch.mask_BL).float()
        by_domain = batch.sentences_by_domain()
        pairs = list(combinations(by_domain, 2))
        if not pairs:
            return pooled_BF.sum() * 0.0, self.reversal_scale()

        # A gradient of a gradient needs more than half precision.
        with torch.autocast(pooled_BF.device.type, enabled=False):
            samples = {
                domain: pooled_BF[index_tensor(sentences, batch.device)]
                for domain, sentences in by_domain.items()
            }
            distances = [self.distance(samples[i], samples[j], self.pairs[i, j]) for i, j in pairs]
            penalties = [
                self.gradient_penalty(samples[i], samples[j], self.pairs[i, j]) for i, j in pairs
            ]
        distance, penalty = torch.stack(distances).mean(), torch.stack(penalties).mean()
        statistics: Statistics = {
            "wasserstein_distance": (distance.detach(), 1),
            "gradient_penalty": (penalty.detach(), 1),
            **self.reversal_scale(),
        }
        loss = self.penalty * penalty - distance
        return loss * len(batch) / batch.total, statistics

    def distance(self, one_MF: Tensor, other_NF: Tensor, pair: int) -> Tensor:
        """Estimate the distance of two domains, a scalar.

        # Parameters

        one_MF, other_NF : vectors of the sentences of two domains.
        pair : output of the critic for the two domains.
        """
        return self.critic(one_MF)[:, pair].mean() - self.critic(other_NF)[:, pair].mean()

    def gradient_penalty(self, one_MF: Tensor, other_NF: Tensor, pair: int) -> Tensor:
        """Compute the penalty, a scalar; its gradient does not reach the vectors.

        # Parameters

        one_MF, other_NF, pair : see `distance`.
        """
        one_MF, other_NF = one_MF.detach(), other_NF.detach()
        count = max(len(one_MF), len(other_NF))
        shares = torch.rand(count, 1, device=one_MF.device)
        between = torch.lerp(_repeated(one_MF, count), _repeated(other_NF, count), shares)
        points = torch.cat([one_MF, other_NF, between]).requires_grad_()

        with torch.enable_grad():
            values = self.critic(points)[:, pair]
            (gradients,) = torch.autograd.grad(values.sum(), points, create_graph=True)
            penalty: Tensor = (gradients.norm(dim=1) - 1.0).square().mean()
        return penalty


def _repeated(vectors: Tensor, count: int) -> Tensor:
    """Return `count` vectors in random order, each equally often to within one."""
    order = torch.randperm(len(vectors), device=vectors.device)
    return vectors[order[torch.arange(count, device=vectors.device) % len(vectors)]]


def _check_numbers(hidden_size: int, penalty: float) -> None:
    at_least(1, hidden_size, "hidden_size")
    at_least(0, penalty, "penalty")
