"""The weights of the heads' settings."""

from torch import Tensor

from ner_adv_plugin.modules.loss_weighting.loss_weighting import LossWeighting


@LossWeighting.register("fixed")
class FixedWeighting(LossWeighting):
    """Every head's loss counts by the `weight` of its settings.

    Registered as "fixed".

    # Parameters

    heads : supplied.
    """

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """Weight * loss."""
        return weight * loss
