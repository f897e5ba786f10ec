"""Self-attentive pooling.

Shape suffixes: B sequences, L characters, D state size, H hops.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.pooling.pooling import Pooling


@Pooling.register("self_attention")
class SelfAttentionPooling(Pooling):
    """Concatenated means over the characters of a sequence with learnt attention weights.

    The weights are softmax(W2 tanh(W1 h)) over the characters, one set per hop (Lin et al. 2017,
    eq. 5 to 7, without the penalty on similar hops; DATNet, Zhou et al. 2019). (B, L, D) ->
    (B, hops D).

    Registered as "self_attention".

    # Parameters

    input_dim : supplied; size of a state, D.
    hidden_size : number of rows of W1.
    hops : number of rows of W2, and so of attention weightings.

    # Example

    ```jsonnet
    { type: 'self_attention', hidden_size: 64, hops: 2 }
    ```
    """

    def __init__(self, input_dim: int, hidden_size: int = 64, hops: int = 1) -> None:
        super().__init__(input_dim)
        at_least(1, hidden_size, "hidden_size")
        at_least(1, hops, "hops")
        self.hops = hops
        self.hidden = torch.nn.Linear(input_dim, hidden_size, bias=False)
        self.scores = torch.nn.Linear(hidden_size, hops, bias=False)

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: sizes are at least 1."""
        super().check(settings, context)
        for key in ("hidden_size", "hops"):
            at_least(1, settings[key], key)

    def forward(self, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Pooling.forward`."""
        # Padding may hold any value: with NaN, a weight of 0 would still give NaN.
        states_BLD = states_BLD.masked_fill(~mask_BL[..., None], 0.0)
        scores_BLH = self.scores(torch.tanh(self.hidden(states_BLD))).float()
        # A finite number: an empty sequence has no other scores.
        lowest = torch.finfo(scores_BLH.dtype).min
        weights_BLH = scores_BLH.masked_fill(~mask_BL[..., None], lowest).softmax(1)
        return torch.einsum("blh,bld->bhd", weights_BLH.to(states_BLD.dtype), states_BLD).flatten(1)

    def get_output_dim(self) -> int:
        """See `Pooling.get_output_dim`."""
        return self.hops * self.input_dim
