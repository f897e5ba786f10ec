"""The largest value of every dimension.

Shape suffixes: B sequences, L characters, D state size.
"""

from torch import Tensor

from ner_adv_plugin.modules.pooling.pooling import Pooling


@Pooling.register("max")
class MaxPooling(Pooling):
    """The largest value of every dimension over a sequence's characters (Cao et al. 2018).

    Registered as "max".

    # Parameters

    input_dim : supplied; size of a state.
    """

    def forward(self, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Pooling.forward`."""
        return states_BLD.masked_fill(~mask_BL[..., None], float("-inf")).amax(1)
