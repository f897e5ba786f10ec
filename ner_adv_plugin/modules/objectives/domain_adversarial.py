"""Domain (or task) discriminator behind a gradient reversal.

Shape suffixes: B sentences, D size of a sentence's vector, K classes.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.discriminator_losses import CrossEntropy, LazyDiscriminatorLoss
from ner_adv_plugin.modules.discriminator_losses.grad import check_alpha
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.gradient_hooks import on_gradient
from ner_adv_plugin.modules.gradient_reversal import reverse_gradient
from ner_adv_plugin.modules.objectives.objective import Objective, Statistics, concatenated_states
from ner_adv_plugin.modules.pooling import LazyPooling, build_pooling
from ner_adv_plugin.modules.schedules import ConstantSchedule, GradientShare, Schedule
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("domain_adversarial")
class DomainAdversarial(Objective):
    """Train a discriminator on pooled tower states, and the towers against it.

    The discriminator predicts the domain or task of a sentence; the reversed gradient trains the
    towers to make the prediction impossible (Ganin & Lempitsky 2015; Cao et al. 2018; DATNet, Zhou
    et al. 2019). The gradient is reversed between the towers and the pooling, so that parameters of
    the pooling are trained with the discriminator. `weight` scales the loss, and so the gradients
    of both sides; the scale of the reversal affects the towers only.

    Registered as "domain_adversarial".

    # Parameters

    vocab : supplied; lists the domains and tasks.
    dims : supplied; state size of each tower.
    reads : names of the towers whose states are concatenated; ["shared"] by default.
    weight : weight of the loss.
    discriminates : what is predicted: the "domain" of a sentence, which unlabelled sentences have
        too, or its "task".
    pooling : pooling of the states of a sentence; "max" by default.
    dropout : dropout probability on the pooled states.
    hidden_size : units of a hidden layer; null for a linear discriminator.
    loss : loss of the discriminator; "cross_entropy" by default.
    reversal : schedule of the scale of the gradient reversal; constant 1 by default.
        "gradient_share" sets the scale so that the reversed gradient is a share of the heads'.
    schedule : factor of `weight` over training; constant 1 by default.

    # Raises

    ConfigurationError : there are fewer than two domains, or tasks, to discriminate.

    # Example

    ```jsonnet
    { type: 'domain_adversarial', reads: ['shared'], weight: 0.06, pooling: 'max',
      loss: { type: 'grad' }, reversal: { type: 'dann' } }
    ```
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
        _check_classes(sizes, discriminates)

        # The class index of each task; None if domains are discriminated.
        self.places = (
            {name: index for index, name in enumerate(sizes)} if discriminates == "task" else None
        )
        self.pool = build_pooling(pooling, sum(dims[name] for name in self.reads))

        size = self.pool.get_output_dim()
        layers: list[torch.nn.Module] = [Dropout(dropout)]
        if hidden_size is not None:
            layers += [torch.nn.Linear(size, hidden_size), torch.nn.ReLU()]
            size = hidden_size
        self.discriminator = torch.nn.Sequential(*layers, torch.nn.Linear(size, len(sizes)))

        self.loss = CrossEntropy(sizes) if loss is None else loss.construct(sizes=sizes)
        self.reversal = ConstantSchedule() if reversal is None else reversal
        self._scale = 0.0

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: there are two classes or more, and `alpha` names all of them."""
        super().check(settings, context)
        run = context.run
        if run is None or run.config.get("vocabulary") is not None:
            # The vocabulary of another run may have more classes than the datasets of this one.
            return

        domains = dict.fromkeys(space.domain for space in run.datasets.values())
        classes = run.heads if settings["discriminates"] == "task" else domains
        _check_classes(classes, settings["discriminates"])
        loss = settings.get("loss")
        if isinstance(loss, Mapping) and loss.get("type") == "grad" and loss.get("alpha"):
            with below("loss"):
                check_alpha(loss["alpha"], classes)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {
            **super().default_values(settings),
            "reads": ["shared"],
            "pooling": {"type": "max"},
            "loss": {"type": "cross_entropy"},
            "reversal": {"type": "constant"},
        }

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`: mean over the sentences that have a class.

        Reports `discriminator_accuracy` and `reversal_scale`; after the step `reversal_share`, if
        the reversal is "gradient_share".
        """
        scale = self._scale = self.reversal.at(progress)
        reversed_BLD = reverse_gradient(concatenated_states(states, self.reads), scale)
        if (
            isinstance(self.reversal, GradientShare)
            and self.training
            and reversed_BLD.requires_grad
        ):
            on_gradient(reversed_BLD, self.reversal.add_own)
        pooled_BD = self.pool(reversed_BLD, batch.mask_BL)
        class_B = batch.domain_B
        total = batch.total
        if self.places is not None:
            labelled = [i for i, head in enumerate(batch.heads) if head is not None]
            classes = [self.places[head] for head in batch.heads if head is not None]
            class_B = torch.tensor(classes, dtype=torch.long, device=batch.device)
            pooled_BD = pooled_BD[torch.tensor(labelled, dtype=torch.long, device=batch.device)]
            total = sum(batch.totals.values())

        logits_BK = self.discriminator(pooled_BD).float()
        loss = self.loss(logits_BK, class_B).sum() / max(total, 1)
        correct = (logits_BK.detach().argmax(-1) == class_B).sum()
        accuracy = (correct, len(class_B))
        return loss, {"discriminator_accuracy": accuracy, "reversal_scale": (scale, 1)}

    def watched(self, states: Mapping[str, TowerStates]) -> dict[str, TowerStates]:
        """See `Objective.watched`: views of the towers that it reads, if it measures gradients."""
        reversal = self.reversal
        if not isinstance(reversal, GradientShare):
            return dict(states)

        views = dict(states)
        for name in self.reads:
            if name in states and states[name].states_BLD.requires_grad:
                view_BLD = states[name].states_BLD.view_as(states[name].states_BLD)
                on_gradient(view_BLD, reversal.add_heads)
                views[name] = replace(states[name], states_BLD=view_BLD)
        return views

    def end_step(self) -> Statistics:
        """See `Objective.end_step`: `reversal_share`, the norm relative to the heads' gradient."""
        if not isinstance(self.reversal, GradientShare):
            return {}
        ratio = self.reversal.end_step()
        return {} if ratio is None else {"reversal_share": (self._scale * ratio, 1)}


def _check_classes(classes: Collection[str], discriminates: str) -> None:
    if len(classes) < 2:
        raise ConfigurationError(
            f"needs two {discriminates}s or more, the datasets have {list(classes)}"
        )


def _sizes(vocab: Vocabulary, discriminates: str) -> dict[str, int]:
    """Count the training sentences of each domain, or of each task."""
    by_task = discriminates == "task"
    sizes = dict.fromkeys(vocab.heads if by_task else vocab.domains, 0)
    for space in vocab.datasets.values():
        name = space.head if by_task else space.domain
        if name is not None:
            sizes[name] += space.sentences
    return sizes
