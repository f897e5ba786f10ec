"""Biaffine classification of spans.

Shape suffixes: B sentences, L characters, D hidden size, H size of the edges, C types, K = C + 1 options, S spans.
"""

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import LabelSpace
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy
from ner_adv_plugin.modules.heads.span_head import SpanHead, valid_spans


@Head.register("biaffine")
class BiaffineHead(SpanHead):
    """Classifies each pair of characters as a span of one type, or as none (Yu et al. 2020, "Named Entity Recognition
    as Dependency Parsing").

    r(i, j) = s_i^T U e_j + W [s_i; e_j] + b over all types and "none", where s and e are two feed-forward layers on the
    states. The loss of a sentence is the cross-entropy summed over all its pairs. A span is found if its type is more
    probable than the others and "none", and crosses no more probable span. For a span that is not marked, the types
    that its dataset does not mark are as right as "none".

    Registered as "biaffine": `head: { type: "biaffine", hidden_size: 150 }`.

    # Parameters

    hidden_size : H.
    label_space, input_dim, reads, weight, dropout, normalize_by, flat : see `SpanHead`.
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
        if hidden_size < 1:
            raise ConfigurationError(f"expected 1 or more, found {hidden_size}", "hidden_size")
        options = len(label_space.types) + 1
        self.edges = torch.nn.Linear(input_dim, 2 * hidden_size)
        self.edge_dropout = Dropout(dropout)
        self.pairs = torch.nn.Parameter(torch.empty(options, hidden_size, hidden_size))
        self.singles = torch.nn.Linear(2 * hidden_size, options)
        torch.nn.init.xavier_uniform_(self.pairs)

    def forward(self, states_BLD: Tensor, batch: Batch) -> Tensor:
        """Scores (B, L, L, K) by first and last character; "none" alone for pairs that are no span."""
        with torch.autocast(states_BLD.device.type, enabled=False):
            edges_BLE = self.edges(self.dropout(states_BLD.to(self.edges.weight.dtype))).relu()
            first_BLH, last_BLH = self.edge_dropout(edges_BLE).chunk(2, dim=-1)
            scores_BKLL = torch.einsum("bih,khg,bjg->bkij", first_BLH, self.pairs, last_BLH)

            first_weight_KH, last_weight_KH = self.singles.weight.chunk(2, dim=1)
            scores_BKLL = scores_BKLL + (first_BLH @ first_weight_KH.T).transpose(1, 2).unsqueeze(3)
            scores_BKLL = scores_BKLL + (last_BLH @ last_weight_KH.T + self.singles.bias).transpose(
                1, 2
            ).unsqueeze(2)

        scores_BLLK = scores_BKLL.permute(0, 2, 3, 1)
        invalid_BLL1 = ~valid_spans(batch.mask_BL).unsqueeze(3)
        only_none_K = torch.full((scores_BLLK.shape[-1],), -torch.inf, device=scores_BLLK.device)
        only_none_K[0] = 0.0
        return torch.where(invalid_BLL1, only_none_K, scores_BLLK)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.loss`."""
        gold_BLLC, hidden_BC = self.gold(batch), ~self.annotated(batch)
        # "None", and types that are not marked, are right if no span is.
        unmarked_BLL1 = ~gold_BLLC.any(-1, keepdim=True)
        right_BLLK = torch.cat(
            [unmarked_BLL1, gold_BLLC | (unmarked_BLL1 & hidden_BC[:, None, None, :])], -1
        )
        log_p_BLLK = log_softmax(output, -1).masked_fill(~right_BLLK, -torch.inf)
        nll_BLL = -log_p_BLLK.logsumexp(-1)
        return nll_BLL.masked_fill(~valid_spans(batch.mask_BL), 0.0).sum((1, 2))

    def log_probabilities(self, output: Tensor, temperature: float) -> Tensor:
        """See `SpanHead.log_probabilities`: one group, of "none" and all types."""
        return log_softmax(output / temperature, -1).unsqueeze(3)

    def options(self, types_S: Tensor) -> tuple[Tensor, Tensor]:
        """See `SpanHead.options`."""
        return torch.zeros_like(types_S), types_S + 1

    def types(self, groups_S: Tensor, options_S: Tensor) -> Tensor:
        """See `SpanHead.types`."""
        return options_S - 1
