"""A discriminator of domains, or of tasks, behind a gradient reversal.

Shape suffixes: B sentences, D size of a sentence's vector, K classes.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.discriminator_losses import CrossEntropy, LazyDiscriminatorLoss
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.gradient_reversal import reverse_gradient
from ner_adv_plugin.modules.objectives.objective import Objective, Statistics, side_by_side
from ner_adv_plugin.modules.pooling import LazyPooling, build_pooling
from ner_adv_plugin.modules.schedules import ConstantSchedule, Schedule
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("domain_adversarial")
class DomainAdversarial(Objective):
    """A discriminator learns to tell a sentence's domain, or task, from its pooled states; the towers learn to hide it
    (Ganin & Lempitsky 2015; Cao et al. 2018; DATNet, Zhou et al. 2019).

    The gradient is reversed between towers and pooling, so that what a pooling learns, it learns for the discriminator.
    `weight` scales the loss, and so what both sides learn; the reversal's scale only what the towers do.
    Registered as "domain_adversarial".

    # Parameters

    vocab : supplied; gives the domains and tasks.
    dims : supplied; state size of every tower it reads.
    reads : towers whose states are put side by side.
    weight : of the loss.
    discriminates : a sentence's "domain", which unlabelled sentences have too; or its "task", the head that its dataset feeds.
    pooling : of a sentence's states; "max" by default.
    dropout : on the pooled states.
    hidden_size : units of a hidden layer; none where null.
    loss : of the discriminator; "cross_entropy" by default.
    reversal : schedule of the reversal's scale; 1 all along by default.
    schedule : of a factor of `weight` over training; 1 all along by default.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        reads: list[str] | None = None,
        weight: float = 0.06,
        discriminates: Literal["domain", "task"] = "domain",
        pooling: LazyPooling | None = None,
        dropout: float = 0.2,
        hidden_size: int | None = None,
        loss: LazyDiscriminatorLoss | None = None,
        reversal: Schedule | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(reads or ["shared"], weight, schedule)
        sizes = _sizes(vocab, discriminates)
        if len(sizes) < 2:
            raise ConfigurationError(
                f"needs two {discriminates}s or more, the datasets have {list(sizes)}"
            )
        self.places = (
            {name: place for place, name in enumerate(sizes)} if discriminates == "task" else None
        )
        self.pool = build_pooling(pooling, sum(dims[name] for name in self.reads))
        size = self.pool.get_output_dim()
        layers: list[torch.nn.Module] = [Dropout(dropout)]
        if hidden_size is not None:
            layers += [torch.nn.Linear(size, hidden_size), torch.nn.ReLU()]
            size = hidden_size
        self.discriminator = torch.nn.Sequential(*layers, torch.nn.Linear(size, len(sizes)))
        self.loss = CrossEntropy(sizes) if loss is None else loss.construct(sizes=sizes)
        self.reversal = reversal or ConstantSchedule()

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`; the mean over the sentences that have a class. Reports `discriminator_accuracy` and
        `reversal_scale`.
        """
        scale = self.reversal.at(progress)
        pooled_BD = self.pool(
            reverse_gradient(side_by_side(states, self.reads), scale), batch.mask_BL
        )
        class_B, total = batch.domain_B, batch.total
        if self.places is not None:
            sentences = [i for i, head in enumerate(batch.heads) if head is not None]
            places = [self.places[head] for head in batch.heads if head is not None]
            class_B = torch.tensor(places, dtype=torch.long, device=batch.device)
            pooled_BD, total = (
                pooled_BD[torch.tensor(sentences, dtype=torch.long, device=batch.device)],
                sum(batch.totals.values()),
            )
        logits_BK = self.discriminator(pooled_BD).float()
        right = (logits_BK.detach().argmax(-1) == class_B).sum()
        loss = self.loss(logits_BK, class_B).sum() / max(total, 1)
        return loss, {"discriminator_accuracy": (right, len(class_B)), "reversal_scale": (scale, 1)}


def _sizes(vocab: Vocabulary, discriminates: str) -> dict[str, int]:
    """For every domain, or task, its training sentences."""
    if discriminates == "task":
        sizes, owners = (
            dict.fromkeys(vocab.heads, 0),
            {name: space.head for name, space in vocab.datasets.items()},
        )
    else:
        sizes, owners = (
            dict.fromkeys(vocab.domains, 0),
            {name: space.domain for name, space in vocab.datasets.items()},
        )
    for name, owner in owners.items():
        if owner is not None:
            sizes[owner] += vocab.datasets[name].sentences
    return sizes
