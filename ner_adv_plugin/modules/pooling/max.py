"""Max pooling.

Shape suffixes: B sequences, L characters, D state size.
"""

from torch import Tensor

from ner_adv_plugin.modules.pooling.pooling import Pooling


@Pooling.register("max")
class MaxPooling(Pooling):
    """Maximum of each dimension over the characters of a sequence (Cao et al. 2018).

    (B, L, D) -> (B, D).

    Registered as "max".

    # Parameters

    input_dim : supplied; size of a state, D.

    # Example

    ```jsonnet
    { type: 'max' }
    ```
    """

    def forward(self, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """See `Pooling.forward`."""
        pooled_BD = states_BLD.masked_fill(~mask_BL[..., None], float("-inf")).amax(1)
        return pooled_BD.masked_fill(~mask_BL.any(1, keepdim=True), 0.0)
