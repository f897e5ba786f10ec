"""Loss weights by how fast each task learns from epoch to epoch.

Shape suffixes: H heads.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import above
from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.loss_weighting.loss_weighting import LossWeighting
from ner_adv_plugin.modules.statistics import Statistics


@LossWeighting.register("dwa")
class DynamicWeightAverage(LossWeighting):
    """Give more weight to tasks whose loss falls more slowly (dynamic weight average).

    lambda_k(t) = K exp(r_k / T) / sum_i exp(r_i / T) with r_k = L_k(t - 1) / L_k(t - 2), for K
    heads in epoch t (Liu et al. 2019, "End-to-end multi-task learning with attention", eq. 7). L_k
    is the mean training loss of a head in an epoch. The loss of a head is multiplied by lambda_k
    and by its `weight`. All lambda are 1 in the first two epochs. A head whose loss is known
    for one epoch only has r_k = 1; one that has not been trained, as in a stage of other datasets,
    does not count and has lambda 1. Reports `<head>_loss_weight`.

    Registered as "dwa".

    # Parameters

    heads : supplied; names of the heads.
    temperature : T, above 0; the larger, the more equal the weights.

    # Raises

    ConfigurationError : the temperature is not above 0.

    # Example

    ```jsonnet
    { type: 'dwa', temperature: 2.0 }
    ```
    """

    # Sums over the current epoch, and the means of the two epochs before it; 0 if unknown. Part of
    # the weights' file, and so of checkpoints.
    sums_H: Tensor
    shares_H: Tensor
    last_H: Tensor
    before_last_H: Tensor

    def __init__(self, heads: Sequence[str], temperature: float = 2.0) -> None:
        super().__init__(heads)
        self.temperature = above(0, temperature, "temperature")
        self._index = {head: index for index, head in enumerate(heads)}
        for name in ("sums_H", "shares_H", "last_H", "before_last_H"):
            self.register_buffer(name, torch.zeros(len(heads)))
        # Pairs of loss and share in the current step of this process.
        self._step: dict[str, tuple[Tensor | float, float]] = {}

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the temperature is above 0."""
        super().check(settings, context)
        above(0, settings["temperature"], "temperature")

    def weights(self) -> Tensor:
        """Compute lambda of each head, (H,)."""
        known_H = (self.last_H > 0) & (self.before_last_H > 0)
        trained_H = self.last_H > 0
        ratio_H = torch.where(known_H, self.last_H / self.before_last_H, 1.0)
        scores_H = (ratio_H / self.temperature).masked_fill(~trained_H, -torch.inf)
        return torch.where(trained_H, trained_H.sum() * scores_H.softmax(0), 1.0)

    def forward(self, head: str, weight: float, loss: Tensor, share: float) -> Tensor:
        """See `LossWeighting.forward`: lambda * weight * loss."""
        if self.is_trained(loss):
            total, shares = self._step.get(head, (0.0, 0.0))
            self._step[head] = (total + loss.detach(), shares + share)
        return self.weights()[self._index[head]] * weight * loss

    def report(self) -> Statistics:
        """See `LossWeighting.report`."""
        weights_H = self.weights()
        return {f"{head}_loss_weight": (weights_H[i], 1) for head, i in self._index.items()}

    def end_step(self) -> None:
        """See `LossWeighting.end_step`: add the losses of all processes to those of the epoch."""
        # One transfer from the device for all.
        sums = [self.sums_H.new_zeros(()) + loss for loss, _ in self._step.values()]
        losses = torch.stack(sums).tolist() if sums else []
        shares = [share for _, share in self._step.values()]
        own = dict(zip(self._step, zip(losses, shares, strict=True), strict=True))
        self._step = {}
        for of_process in gather(own):
            for head, (loss, share) in of_process.items():
                self.sums_H[self._index[head]] += loss
                self.shares_H[self._index[head]] += share

    def end_epoch(self) -> None:
        """See `LossWeighting.end_epoch`: start a new epoch for the heads that had sentences."""
        seen_H = self.shares_H > 0
        mean_H = self.sums_H / self.shares_H.clamp(min=torch.finfo(self.shares_H.dtype).tiny)
        self.before_last_H.copy_(torch.where(seen_H, self.last_H, self.before_last_H))
        self.last_H.copy_(torch.where(seen_H, mean_H, self.last_H))
        self.sums_H.zero_()
        self.shares_H.zero_()
