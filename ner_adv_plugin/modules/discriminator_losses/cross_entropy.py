"""Cross-entropy loss of a discriminator.

Shape suffixes: B sentences, K classes.
"""

from torch import Tensor
from torch.nn.functional import cross_entropy

from ner_adv_plugin.modules.discriminator_losses.discriminator_loss import DiscriminatorLoss


@DiscriminatorLoss.register("cross_entropy")
class CrossEntropy(DiscriminatorLoss):
    """Softmax cross-entropy, -log p of the gold class (Cao et al. 2018).

    Registered as "cross_entropy".

    # Parameters

    sizes : supplied; number of training sentences of each class, not used.

    # Example

    ```jsonnet
    { type: 'cross_entropy' }
    ```
    """

    def forward(self, logits_BK: Tensor, class_B: Tensor) -> Tensor:
        """See `DiscriminatorLoss.forward`."""
        return cross_entropy(logits_BK, class_B, reduction="none")
