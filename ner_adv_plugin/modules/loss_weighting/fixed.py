"""Fixed loss weights."""

from torch import Tensor

from ner_adv_plugin.modules.loss_weighting.loss_weighting import LossWeighting


@LossWeighting.register("fixed")
class FixedWeighting(LossWeighting):
    """Multiply the loss of each task by the `weight` of its head.

    Registered as "fixed".

    # Parameters

    heads : supplied; names of the heads.

    # Example

    ```jsonnet
    { type: 'fixed' }
    ```
    """

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """See `LossWeighting.forward`: weight * loss."""
        return weight * loss
