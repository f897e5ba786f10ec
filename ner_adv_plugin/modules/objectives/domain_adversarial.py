"""A discriminator of domains behind a gradient reversal."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.gradient_reversal import reverse_gradient
from ner_adv_plugin.modules.objectives.objective import Objective, Statistics
from ner_adv_plugin.modules.pooling import POOLING
from ner_adv_plugin.modules.reversal import ConstantReversal, ReversalSchedule
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("domain_adversarial")
class DomainAdversarial(Objective):
    """A discriminator learns to tell a row's domain from its pooled states; the towers learn to hide it.

    Cross-entropy over domains (Cao et al. 2018, eq. 10) behind a gradient reversal (Ganin & Lempitsky 2015).
    `weight` scales the loss, and so what both sides learn; the reversal's scale only what the towers do.
    Registered as "domain_adversarial".

    # Parameters

    vocab : supplied; gives the domains.
    dims : supplied; state size of every tower it reads.
    reads : towers whose pooled states are put side by side.
    weight : of the loss.
    pooling : "max" or "mean" over a row's characters.
    dropout : on the pooled states.
    hidden_size : units of a hidden layer; none where null.
    reversal : schedule of the reversal's scale.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        reads: list[str] | None = None,
        weight: float = 0.06,
        pooling: Literal["max", "mean"] = "max",
        dropout: float = 0.2,
        hidden_size: int | None = None,
        reversal: ReversalSchedule | None = None,
    ) -> None:
        super().__init__(reads or ["shared"], weight)
        count = len(vocab.domains)
        if count < 2:
            raise ConfigurationError(f"needs two domains or more, the datasets have {vocab.domains}")
        size = sum(dims[name] for name in self.reads)
        layers: list[torch.nn.Module] = [torch.nn.Dropout(dropout)]
        if hidden_size is not None:
            layers += [torch.nn.Linear(size, hidden_size), torch.nn.ReLU()]
            size = hidden_size
        self.discriminator = torch.nn.Sequential(*layers, torch.nn.Linear(size, count))
        self.pool = POOLING[pooling]
        self.reversal = reversal or ConstantReversal()

    def forward(self, states: Mapping[str, TowerStates], batch: Batch, progress: float) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`; reports `discriminator_accuracy` and `reversal_scale`."""
        scale = self.reversal.at(progress)
        pooled = [self.pool(states[name].states_BLD, states[name].batch.mask_BL) for name in self.reads]
        logits_BK = self.discriminator(reverse_gradient(torch.cat(pooled, -1), scale)).float()
        right = (logits_BK.detach().argmax(-1) == batch.domain_B).sum()
        loss = cross_entropy(logits_BK, batch.domain_B, reduction="sum") / batch.total
        return loss, {"discriminator_accuracy": (right, len(batch)), "reversal_scale": (scale, 1)}
