"""Weighted means of the states, the weights learnt.

Shape suffixes: B sequences, L characters, D state size, H hops.
"""

import torch
from torch import Tensor

from ner_adv_plugin.modules.pooling.pooling import Pooling


@Pooling.register("self_attention")
class SelfAttentionPooling(Pooling):
    """Means over a sequence's characters weighted by softmax(W2 tanh(W1 h)), side by side (Lin et al. 2017, eq. 5 to 7,
    without their penalty on similar hops; DATNet, Zhou et al. 2019).

    Registered as "self_attention".

    # Parameters

    input_dim : supplied; size of a state.
    hidden_size : sequences of W1.
    hops : sequences of W2, each a weighting of its own.
    """

    def __init__(self, input_dim: int, hidden_size: int = 64, hops: int = 1) -> None:
        super().__init__(input_dim)
        self.hops = hops
        self.hidden = torch.nn.Linear(input_dim, hidden_size, bias=False)
        self.scores = torch.nn.Linear(hidden_size, hops, bias=False)

    def forward(self, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Pooling.forward`."""
        # Padding may hold anything: a weight of 0 would not make NaN harmless.
        states_BLD = states_BLD.masked_fill(~mask_BL[..., None], 0.0)
        scores_BLH = self.scores(torch.tanh(self.hidden(states_BLD))).float()
        weights_BLH = scores_BLH.masked_fill(~mask_BL[..., None], float("-inf")).softmax(1)
        return torch.einsum("blh,bld->bhd", weights_BLH.to(states_BLD.dtype), states_BLD).flatten(1)

    def get_output_dim(self) -> int:
        """See `Pooling.get_output_dim`."""
        return self.hops * self.input_dim
