"""Domain (or task) discriminator behind a gradient reversal.

Shape suffixes: B sentences, L characters, D state size, F size of a sentence's vector.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.discriminator_losses import LazyDiscriminatorLoss
from ner_adv_plugin.modules.objectives.discriminator import Discriminates, Discriminator
from ner_adv_plugin.modules.objectives.objective import Objective
from ner_adv_plugin.modules.pooling import LazyPooling, build_pooling
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("domain_adversarial")
class DomainAdversarial(Discriminator):
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
        discriminates: Discriminates = "domain",
        pooling: LazyPooling | None = None,
        dropout: float = 0.2,
        hidden_size: int | None = None,
        loss: LazyDiscriminatorLoss | None = None,
        reversal: Schedule | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(vocab, reads, weight, discriminates, loss, reversal, schedule)
        self.pool = build_pooling(pooling, sum(dims[name] for name in self.reads))
        self.discriminator = self.build(self.pool.get_output_dim(), dropout, hidden_size)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {**super().default_values(settings), "pooling": {"type": "max"}}

    def vectors(
        self, reversed_BLD: Tensor, states: Mapping[str, TowerStates], batch: Batch
    ) -> Tensor:
        """See `Discriminator.vectors`: the pooled states."""
        pooled_BF: Tensor = self.pool(reversed_BLD, batch.mask_BL)
        return pooled_BF
