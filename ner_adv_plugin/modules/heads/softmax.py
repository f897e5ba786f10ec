"""A head without transitions."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.modules.heads.head import Head


@Head.register("softmax")
class SoftmaxHead(Head):
    """Every character's tag by itself.

    Registered as "softmax".

    # Parameters

    label_space, input_dim, reads, weight, dropout, normalize_by : see `Head`.
    """

    learns_partial_labels = True

    def negative_log_likelihood(self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.negative_log_likelihood`."""
        nll_BL = cross_entropy(emissions_BLT.float().transpose(1, 2), tags_BL, reduction="none")
        return nll_BL.masked_fill(~mask_BL, 0.0).sum(1)

    def marginal(self, emissions_BLT: Tensor, allowed_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.marginal`."""
        scores_BLT = log_softmax(emissions_BLT.float(), -1).masked_fill(~allowed_BLT, -torch.inf)
        return -scores_BLT.logsumexp(-1).masked_fill(~mask_BL, 0.0).sum(1)

    def as_crf(self) -> ConditionalRandomField:
        """See `Head.as_crf`; transitions score 0."""
        crf = ConditionalRandomField(len(self.label_space.labels)).to(self.projection.weight.device)
        for parameter in crf.parameters():
            torch.nn.init.zeros_(parameter)
        return crf

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.decode`."""
        return emissions_BLT.argmax(-1).masked_fill(~mask_BL, 0)
