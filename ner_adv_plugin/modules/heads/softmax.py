"""Softmax head.

Shape suffixes: B sentences, L characters, T tags.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.modules.heads.head import Head
from ner_adv_plugin.modules.heads.losses import categorical_divergence
from ner_adv_plugin.modules.heads.tagging_head import TaggingHead


@Head.register("softmax")
class SoftmaxHead(TaggingHead):
    """Classify the tag of each character independently.

    Registered as "softmax".

    # Parameters

    label_space, input_dim, reads, weight, dropout, normalize_by, scheme : see `TaggingHead`.

    # Example

    ```jsonnet
    { type: 'softmax', scheme: 'BIO' }
    ```
    """

    learns_partial_labels = True
    ranks_readings = True
    has_divergence = True

    def negative_log_likelihood(
        self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor
    ) -> Tensor:
        """See `TaggingHead.negative_log_likelihood`."""
        nll_BL = cross_entropy(emissions_BLT.float().transpose(1, 2), tags_BL, reduction="none")
        return nll_BL.masked_fill(~mask_BL, 0.0).sum(1)

    def marginal(self, emissions_BLT: Tensor, allowed_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `TaggingHead.marginal`."""
        scores_BLT = log_softmax(emissions_BLT.float(), -1).masked_fill(~allowed_BLT, -torch.inf)
        return -scores_BLT.logsumexp(-1).masked_fill(~mask_BL, 0.0).sum(1)

    def divergence(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.divergence`: between the distributions over tags, summed over characters."""
        divergence_BL = categorical_divergence(log_softmax(output.float(), -1))
        return divergence_BL.masked_fill(~batch.mask_BL[::2], 0.0).sum(1)

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `TaggingHead.decode`."""
        return emissions_BLT.argmax(-1).masked_fill(~mask_BL, 0)
