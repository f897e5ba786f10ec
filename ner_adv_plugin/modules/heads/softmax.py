"""A head without transitions."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from ner_adv_plugin.modules.heads.head import Head


@Head.register("softmax")
class SoftmaxHead(Head):
    """Every character's tag by itself.

    Registered as "softmax".

    # Parameters

    label_space, input_dim, reads, weight, dropout, normalize_by : see `Head`.
    """

    def negative_log_likelihood(self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.negative_log_likelihood`."""
        nll_BL = cross_entropy(emissions_BLT.float().transpose(1, 2), tags_BL, reduction="none")
        return nll_BL.masked_fill(~mask_BL, 0.0).sum(1)

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.decode`."""
        return emissions_BLT.argmax(-1).masked_fill(~mask_BL, 0)
