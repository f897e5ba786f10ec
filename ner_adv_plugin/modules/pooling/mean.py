"""Mean pooling.

Shape suffixes: B sequences, L characters, D state size.
"""

from torch import Tensor

from ner_adv_plugin.modules.pooling.pooling import Pooling


@Pooling.register("mean")
class MeanPooling(Pooling):
    """Mean of the states over the characters of a sequence.

    (B, L, D) -> (B, D).

    Registered as "mean".

    # Parameters

    input_dim : supplied; size of a state, D.

    # Example

    ```jsonnet
    { type: 'mean' }
    ```
    """

    def forward(self, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Pooling.forward`."""
        total_BD = states_BLD.masked_fill(~mask_BL[..., None], 0.0).sum(1)
        return total_BD / mask_BL.sum(1, keepdim=True).clamp(min=1)
