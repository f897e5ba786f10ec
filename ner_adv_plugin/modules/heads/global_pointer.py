"""Global pointer head.

Shape suffixes: B sentences, L characters, D hidden size, H query size, C types, S spans, E =
2 H concatenated query and key, M = H / 2 pairs of entries, N = L x L pairs of characters.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.modules.heads.head import Head, NormalizeBy
from ner_adv_plugin.modules.heads.span_head import SpanHead, valid_spans


@Head.register("global_pointer")
class GlobalPointerHead(SpanHead):
    """Efficient global pointer: scores each pair of characters for each type.

    Su et al. 2022, "Global Pointer: Novel Efficient Span-based Approach for Named Entity
    Recognition". The efficient variant has one query and key for all types: s_c(i, j) = (R_i q_i)^T
    (R_j k_j) / sqrt(H) + u_c^T [q_i; k_i] + v_c^T [q_j; k_j], with rotary position embeddings R (Su
    et al. 2021) and q and k linear in the states. A span is predicted if its score is above 0. The
    loss of a sentence is the multi-label cross-entropy, summed over types: log(1 + sum of exp(s)
    over all other pairs) + log(1 + sum of exp(-s) over the gold spans). Types that a dataset does
    not annotate do not contribute.

    Registered as "global_pointer".

    # Parameters

    head_size : size of queries and keys, H, even.
    label_space, input_dim, reads, weight, dropout, normalize_by, flat : see `SpanHead`.

    # Raises

    ConfigurationError : `head_size` is not an even number of 2 or more.

    # Example

    ```jsonnet
    { type: 'global_pointer', head_size: 64, dropout: 0.2 }
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
        head_size: int = 64,
    ) -> None:
        super().__init__(label_space, input_dim, reads, weight, dropout, normalize_by, flat)
        _check_size(head_size)
        self.query_key = torch.nn.Linear(input_dim, 2 * head_size)
        self.types_of_edges = torch.nn.Linear(2 * head_size, 2 * len(label_space.types))

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: `head_size` is even."""
        super().check(settings, context)
        _check_size(settings["head_size"])

    def forward(self, states_BLD: Tensor, batch: Batch) -> Tensor:
        """Compute scores by type, first and last character, (B, C, L, L).

        They are -inf for pairs that cannot be a span.
        """
        with torch.autocast(states_BLD.device.type, enabled=False):
            dtype = self.query_key.weight.dtype
            query_key_BLE = self.query_key(self.dropout(states_BLD.to(dtype)))
            query_BLH, key_BLH = rotated(query_key_BLE).chunk(2, dim=-1)
            pair_BLL = query_BLH @ key_BLH.transpose(1, 2) / query_BLH.shape[-1] ** 0.5

            first_BCL, last_BCL = self.types_of_edges(query_key_BLE).transpose(1, 2).chunk(2, dim=1)
            scores_BCLL = pair_BLL.unsqueeze(1) + first_BCL.unsqueeze(3) + last_BCL.unsqueeze(2)
        return scores_BCLL.masked_fill(~valid_spans(batch.mask_BL).unsqueeze(1), -torch.inf)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """See `Head.loss`."""
        gold_BCLL = self.gold(batch).permute(0, 3, 1, 2)
        missed_BCN = (-output).masked_fill(~gold_BCLL, -torch.inf).flatten(2)
        false_BCN = output.masked_fill(gold_BCLL, -torch.inf).flatten(2)
        zero_BC1 = output.new_zeros(*output.shape[:2], 1)

        missed_BC = torch.cat([missed_BCN, zero_BC1], 2).logsumexp(2)
        false_BC = torch.cat([false_BCN, zero_BC1], 2).logsumexp(2)
        loss_BC = missed_BC + false_BC
        return loss_BC.masked_fill(~self.annotated(batch), 0.0).sum(1)

    def log_probabilities(self, output: Tensor, temperature: float) -> Tensor:
        """See `SpanHead.log_probabilities`: one group of "no span" and "span" for each type."""
        scores_BLLC = output.permute(0, 2, 3, 1) / temperature
        # The logarithms of sigmoid(-s) and sigmoid(s), in an operation that ONNX has, too.
        return -torch.stack([softplus(scores_BLLC), softplus(-scores_BLLC)], -1)

    def options(self, types_S: Tensor) -> tuple[Tensor, Tensor]:
        """See `SpanHead.options`."""
        return types_S, torch.ones_like(types_S)

    def types(self, groups_S: Tensor, options_S: Tensor) -> Tensor:
        """See `SpanHead.types`."""
        return groups_S


def rotated(vectors_BLE: Tensor) -> Tensor:
    """Apply rotary position embeddings to the query and the key of each character (Su et al. 2021).

    The product of a rotated query at i and a rotated key at j depends on their distance j - i. Each
    pair m of adjacent entries is rotated by the angle position x 10000^(-2 m / H).

    # Parameters

    vectors_BLE : concatenated queries and keys, (B, L, 2 H).

    # Returns

    Rotated queries and keys, (B, L, 2 H).
    """
    length, size = vectors_BLE.shape[1], vectors_BLE.shape[2] // 2
    rates_M = 10000.0 ** (
        -2 * torch.arange(size // 2, device=vectors_BLE.device, dtype=torch.float64) / size
    )
    angles_LM = torch.arange(length, device=vectors_BLE.device).unsqueeze(1) * rates_M
    cos_L1M, sin_L1M = angles_LM.cos().float().unsqueeze(1), angles_LM.sin().float().unsqueeze(1)

    # The pairs as complex numbers, multiplied part by part, as ONNX has no complex numbers.
    pairs = vectors_BLE.float().unflatten(2, (2, size // 2, 2))
    real_BL2M, imaginary_BL2M = pairs[..., 0], pairs[..., 1]
    rotated = torch.stack(
        [
            real_BL2M * cos_L1M - imaginary_BL2M * sin_L1M,
            real_BL2M * sin_L1M + imaginary_BL2M * cos_L1M,
        ],
        -1,
    )
    return rotated.flatten(2).to(vectors_BLE.dtype)


def _check_size(head_size: int) -> None:
    if head_size < 2 or head_size % 2:
        raise ConfigurationError(
            f"expected an even number of 2 or more, found {head_size}", "head_size"
        )
