"""Weights learnt from how well each head does."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ner_adv_plugin.modules.loss_weighting.loss_weighting import LossWeighting
from ner_adv_plugin.modules.objectives import Statistics


@LossWeighting.register("uncertainty")
class UncertaintyWeighting(LossWeighting):
    """Every head has a log variance s, learnt with the model: its loss counts as exp(-s) loss + s / 2 (Kendall et al.
    2018, the form for classification: loss / sigma^2 + log sigma).

    The `weight` of a head's settings scales both terms. A head that is not in a batch keeps its s. Weight decay pulls
    s towards 0: the parameter group "^loss_weighting" can leave it out. Reports `<head>_log_variance`.
    Registered as "uncertainty".

    # Parameters

    heads : supplied.
    """

    def __init__(self, heads: Sequence[str]) -> None:
        super().__init__(heads)
        self._index = {head: index for index, head in enumerate(heads)}
        # One parameter each: a head without sentences has no gradient, and no optimizer moves it then.
        self.log_variances = torch.nn.ParameterList(torch.zeros(1) for _ in heads)

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """Weight * (exp(-s) * loss + share * s / 2)."""
        log_variance = self.log_variances[self._index[head]].squeeze()
        return weight * (torch.exp(-log_variance) * loss + share * log_variance / 2)

    def report(self) -> Statistics:
        """See `LossWeighting.report`."""
        return {
            f"{head}_log_variance": (self.log_variances[i].detach().sum(), 1)
            for head, i in self._index.items()
        }
