"""CRF head.

Shape suffixes: B sentences, L characters, T tags.
"""

import torch
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy
from ner_adv_plugin.modules.heads.tagging_head import TaggingHead


@Head.register("crf")
class CrfHead(TaggingHead):
    """Linear-chain CRF (Lafferty et al. 2001) with transitions constrained by the tag scheme.

    Registered as "crf".

    # Parameters

    constrained : whether to forbid tag transitions that are invalid in the tag scheme.
    label_space, input_dim, reads, weight, dropout, normalize_by, scheme : see `TaggingHead`.

    # Example

    ```jsonnet
    { type: 'crf', scheme: 'BIOES', dropout: 0.2, weight: 1.0 }
    ```

    # Examples

    >>> from ner_adv_plugin.data.label_spaces import LabelSpace
    >>> head = CrfHead(LabelSpace("weibo", ("LOC", "PER")), input_dim=256)
    >>> head.labels
    ['O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER']
    """

    learns_partial_labels = True
    ranks_readings = True
    has_divergence = True

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.2,
        normalize_by: NormalizeBy = "characters",
        scheme: str | None = None,
        constrained: bool = True,
    ) -> None:
        super().__init__(label_space, input_dim, reads, weight, dropout, normalize_by, scheme)
        masks: list[Tensor] = []
        if constrained:
            masks = [torch.from_numpy(mask) for mask in self.scheme.transitions(self.labels)]
        self.crf = ConditionalRandomField(len(self.labels), *masks)

    def negative_log_likelihood(
        self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor
    ) -> Tensor:
        """See `TaggingHead.negative_log_likelihood`."""
        nll_B: Tensor = self.crf(emissions_BLT, tags_BL, mask_BL)
        return nll_B

    def marginal(self, emissions_BLT: Tensor, allowed_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `TaggingHead.marginal`."""
        return self.crf.marginal(emissions_BLT, allowed_BLT, mask_BL)

    def divergence(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.divergence`: between the distributions over whole tag paths."""
        return self.crf.divergence(output[::2], output[1::2], batch.mask_BL[::2])

    def as_crf(self) -> ConditionalRandomField:
        """See `TaggingHead.as_crf`."""
        return self.crf

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `TaggingHead.decode`."""
        return self.crf.decode(emissions_BLT, mask_BL)
