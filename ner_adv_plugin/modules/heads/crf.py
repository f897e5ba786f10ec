"""The exact conditional random field."""

from typing import Literal

import torch
from torch import Tensor

from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.modules.heads.head import Head


@Head.register("crf")
class CrfHead(Head):
    """A linear-chain conditional random field (Lafferty et al. 2001) that knows its tag scheme.

    Registered as "crf".

    # Parameters

    constrained : forbid transitions that the tag scheme does not have.
    label_space, input_dim, reads, weight, dropout, normalize_by : see `Head`.
    """

    learns_partial_labels = True

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.2,
        normalize_by: Literal["characters", "rows"] = "characters",
        constrained: bool = True,
    ) -> None:
        super().__init__(label_space, input_dim, reads, weight, dropout, normalize_by)
        if constrained:
            masks = [torch.from_numpy(mask) for mask in label_space.scheme.transitions(label_space.labels)]
        else:
            masks = []
        self.crf = ConditionalRandomField(len(label_space.labels), *masks)

    def negative_log_likelihood(self, emissions_BLT: Tensor, tags_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.negative_log_likelihood`."""
        nll_B: Tensor = self.crf(emissions_BLT, tags_BL, mask_BL)
        return nll_B

    def marginal(self, emissions_BLT: Tensor, allowed_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.marginal`."""
        return self.crf.marginal(emissions_BLT, allowed_BLT, mask_BL)

    def as_crf(self) -> ConditionalRandomField:
        """See `Head.as_crf`."""
        return self.crf

    def decode(self, emissions_BLT: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Head.decode`."""
        return self.crf.decode(emissions_BLT, mask_BL)
