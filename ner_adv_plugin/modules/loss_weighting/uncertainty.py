"""Loss weights learnt from the homoscedastic uncertainty of each task."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ner_adv_plugin.modules.loss_weighting.loss_weighting import LossWeighting
from ner_adv_plugin.modules.statistics import Statistics


@LossWeighting.register("uncertainty")
class UncertaintyWeighting(LossWeighting):
    """Weight each task loss by its learnt uncertainty (Kendall et al. 2018).

    Each head has a log variance s, trained with the model: its loss becomes exp(-s) loss + s / 2,
    the form for classification, loss / sigma^2 + log sigma. The `weight` of a head scales both
    terms. The s of a head that has no sentences in a batch is not updated. Weight decay pulls s
    towards 0; exclude it with a parameter group for "^loss_weighting". Reports
    `<head>_log_variance`.

    Registered as "uncertainty".

    # Parameters

    heads : supplied; names of the heads.

    # Example

    ```jsonnet
    { type: 'uncertainty' }
    ```
    """

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__(heads)
        self._index = {head: index for index, head in enumerate(heads)}
        # One parameter per head: that of a head without sentences then has no gradient, and no
        # optimizer updates it.
        self.log_variances = torch.nn.ParameterList(torch.zeros(1) for _ in heads)

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """See `LossWeighting.forward`: weight * (exp(-s) * loss + share * s / 2)."""
        log_variance = self.log_variances[self._index[head]].squeeze()
        return weight * (torch.exp(-log_variance) * loss + share * log_variance / 2)

    def report(self) -> Statistics:
        """See `LossWeighting.report`."""
        return {
            f"{head}_log_variance": (self.log_variances[i].detach().sum(), 1)
            for head, i in self._index.items()
        }
