"""Base class of discriminators of domains or tasks behind a gradient reversal.

Shape suffixes: B sentences, L characters, D state size, F size of a sentence's vector, K classes.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ner_adv_plugin.common.devices import index_tensor
from ner_adv_plugin.common.errors import ConfigurationError, below
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.discriminator_losses import CrossEntropy, LazyDiscriminatorLoss
from ner_adv_plugin.modules.discriminator_losses.grad import check_alpha
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.objectives.adversary import Adversary
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates

Discriminates = Literal["domain", "task"]


class Discriminator(Adversary):
    """Classify sentences by domain or task, and train the towers to make this impossible.

    A subclass sets `discriminator` to what `build` returns, and overrides `vectors`.

    # Parameters

    vocab : supplied; lists the domains and tasks.
    reads, weight, reversal, schedule : see `Adversary`.
    discriminates : what is predicted: the "domain" of a sentence, which unlabelled sentences have
        too, or its "task".
    loss : loss of the discriminator; "cross_entropy" by default.

    # Raises

    ConfigurationError : there are fewer than two domains, or tasks, to discriminate.
    """

    discriminator: torch.nn.Sequential

    def __init__(
        self,
        vocab: Vocabulary,
        reads: list[str] | None = None,
        weight: float = 0.06,
        discriminates: Discriminates = "domain",
        loss: LazyDiscriminatorLoss | None = None,
        reversal: Schedule | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(reads, weight, reversal, schedule)
        self.sizes = _sizes(vocab, discriminates)
        _check_classes(self.sizes, discriminates)

        # The class index of each task; None if domains are discriminated.
        self.places = (
            {name: index for index, name in enumerate(self.sizes)}
            if discriminates == "task"
            else None
        )
        self.loss = CrossEntropy(self.sizes) if loss is None else loss.construct(sizes=self.sizes)

    def build(self, size: int, dropout: float, hidden_size: int | None) -> torch.nn.Sequential:
        """Build the layers from a sentence's vector to the scores of the classes.

        # Parameters

        size : size of a vector.
        dropout : dropout probability on the vector.
        hidden_size : units of a hidden layer; None for a linear discriminator.
        """
        layers: list[torch.nn.Module] = [Dropout(dropout)]
        if hidden_size is not None:
            layers += [torch.nn.Linear(size, hidden_size), torch.nn.ReLU()]
            size = hidden_size
        return torch.nn.Sequential(*layers, torch.nn.Linear(size, len(self.sizes)))

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: there are two classes or more, and `alpha` names all of them."""
        super().check(settings, context)
        run = context.run
        if run is None or run.config.get("vocabulary") is not None:
            # The vocabulary of another run may have more classes than the datasets of this one.
            return

        by_task = settings["discriminates"] == "task"
        _check_classes(run.trained_heads if by_task else run.domains, settings["discriminates"])
        loss = settings.get("loss")
        if isinstance(loss, Mapping) and loss.get("type") == "grad" and loss.get("alpha"):
            # The model has the classes of all stages.
            classes = run.heads if by_task else dict.fromkeys([*run.domains, *run.other_domains])
            with below("loss"):
                check_alpha(loss["alpha"], classes)

    @classmethod
    def uses_unlabelled(cls, settings: Mapping[str, Any], dataset: str) -> bool:
        """See `Objective.uses_unlabelled`: they have a domain, but no task."""
        return bool(settings["discriminates"] == "domain")

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {**super().default_values(settings), "loss": {"type": "cross_entropy"}}

    def vectors(
        self, reversed_BLD: Tensor, states: Mapping[str, TowerStates], batch: Batch
    ) -> Tensor:
        """Compute a vector of each sentence, (B, F).

        # Parameters

        reversed_BLD : concatenated states of the towers, whose gradient is reversed.
        states, batch : see `Objective.forward`.
        """
        raise NotImplementedError

    def sentence_weights(self, states: Mapping[str, TowerStates], batch: Batch) -> Tensor | None:
        """Return the weight of each sentence's loss, (B,), or None for 1.

        # Parameters

        states, batch : see `Objective.forward`.
        """
        return None

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`: mean over the sentences that have a class.

        Reports `discriminator_accuracy` and `reversal_scale`; after the step `reversal_share`, if
        the reversal is "gradient_share".
        """
        vectors_BF = self.vectors(self.reversed_states(states, progress), states, batch)
        weights_B = self.sentence_weights(states, batch)
        class_B = batch.domain_B
        total = batch.total
        if self.places is not None:
            labelled = [i for i, head in enumerate(batch.heads) if head is not None]
            classes = [self.places[head] for head in batch.heads if head is not None]
            class_B = index_tensor(classes, batch.device)
            index = index_tensor(labelled, batch.device)
            vectors_BF = vectors_BF[index]
            weights_B = None if weights_B is None else weights_B[index]
            total = batch.labelled_total

        logits_BK = self.discriminator(vectors_BF).float()
        loss_B = self.loss(logits_BK, class_B)
        loss = (loss_B if weights_B is None else weights_B * loss_B).sum() / max(total, 1)
        correct = (logits_BK.detach().argmax(-1) == class_B).sum()
        accuracy = (correct, len(class_B))
        return loss, {"discriminator_accuracy": accuracy, **self.reversal_scale()}


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
