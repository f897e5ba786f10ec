"""Biaffine head.

Shape suffixes: B sentences, L characters, D hidden size, H size of the edge vectors, C types,
K = C + 1 options, S spans.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy
from ner_adv_plugin.modules.heads.span_head import SpanHead, valid_spans


@Head.register("biaffine")
class BiaffineHead(SpanHead):
    """Biaffine classification of each pair of characters as a span of some type, or none.

    Yu et al. 2020, "Named Entity Recognition as Dependency Parsing". The scores of all types and
    "none" are r(i, j) = s_i^T U e_j + W [s_i; e_j] + b, with two feed-forward layers s and e on the
    states. The loss of a sentence is the cross-entropy summed over all its pairs. A span is
    predicted if a type is the most probable option and the span crosses no more probable one. With
    partial labels, the types that a dataset does not annotate are as correct as "none" for a pair
    without an annotated span.

    Registered as "biaffine".

    # Parameters

    hidden_size : size of the outputs of s and e, H, 1 or more.
    label_space, input_dim, reads, weight, dropout, normalize_by, flat : see `SpanHead`.

    # Raises

    ConfigurationError : `hidden_size` is less than 1.

    # Example

    ```jsonnet
    { type: 'biaffine', hidden_size: 150, dropout: 0.2, flat: false }
    ```
    """

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.2,
        normalize_by: NormalizeBy = "characters",
        flat: bool = False,
        hidden_size: int = 150,
    ) -> None:
        super().__init__(label_space, input_dim, reads, weight, dropout, normalize_by, flat)
        at_least(1, hidden_size, "hidden_size")

        options = len(label_space.types) + 1
        self.edges = torch.nn.Linear(input_dim, 2 * hidden_size)
        self.edge_dropout = Dropout(dropout)
        self.pairs = torch.nn.Parameter(torch.empty(options, hidden_size, hidden_size))
        self.singles = torch.nn.Linear(2 * hidden_size, options)
        torch.nn.init.xavier_uniform_(self.pairs)

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: `hidden_size` is at least 1."""
        super().check(settings, context)
        at_least(1, settings["hidden_size"], "hidden_size")

    def forward(self, states_BLD: Tensor, batch: Batch) -> Tensor:
        """Compute scores by first and last character, (B, L, L, K), with option 0 for "none".

        For pairs that cannot be a span, all options but "none" have a score of -inf.
        """
        with torch.autocast(states_BLD.device.type, enabled=False):
            edges_BLE = self.edges(self.dropout(states_BLD.to(self.edges.weight.dtype))).relu()
            first_BLH, last_BLH = self.edge_dropout(edges_BLE).chunk(2, dim=-1)
            scores_BKLL = torch.einsum("bih,khg,bjg->bkij", first_BLH, self.pairs, last_BLH)

            first_weight_KH, last_weight_KH = self.singles.weight.chunk(2, dim=1)
            first_BLK = first_BLH @ first_weight_KH.T
            last_BLK = last_BLH @ last_weight_KH.T + self.singles.bias
            scores_BKLL = scores_BKLL + first_BLK.transpose(1, 2).unsqueeze(3)
            scores_BKLL = scores_BKLL + last_BLK.transpose(1, 2).unsqueeze(2)

        scores_BLLK = scores_BKLL.permute(0, 2, 3, 1)
        invalid_BLL1 = ~valid_spans(batch.mask_BL).unsqueeze(3)
        only_none_K = torch.full((scores_BLLK.shape[-1],), -torch.inf, device=scores_BLLK.device)
        only_none_K[0] = 0.0
        return torch.where(invalid_BLL1, only_none_K, scores_BLLK)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.loss`."""
        gold_BLLC = self.gold(batch)
        hidden_BC = ~self.annotated(batch)
        # Without a gold span, "none" and the types that are not annotated are correct.
        no_span_BLL1 = ~gold_BLLC.any(-1, keepdim=True)
        correct_BLLK = torch.cat(
            [no_span_BLL1, gold_BLLC | (no_span_BLL1 & hidden_BC[:, None, None, :])], -1
        )

        log_p_BLLK = log_softmax(output, -1).masked_fill(~correct_BLLK, -torch.inf)
        nll_BLL = -log_p_BLLK.logsumexp(-1)
        return nll_BLL.masked_fill(~valid_spans(batch.mask_BL), 0.0).sum((1, 2))

    def log_probabilities(self, output: Tensor, temperature: float) -> Tensor:
        """See `SpanHead.log_probabilities`: one group of "none" and all types."""
        return log_softmax(output / temperature, -1).unsqueeze(3)

    def options(self, types_S: Tensor) -> tuple[Tensor, Tensor]:
        """See `SpanHead.options`."""
        return torch.zeros_like(types_S), types_S + 1

    def types(self, groups_S: Tensor, options_S: Tensor) -> Tensor:
        """See `SpanHead.types`."""
        return options_S - 1
