"""Tower with self-attention.

Shape suffixes: B sequences, L characters, D state size.
"""

from collections.abc import Mapping
from typing import Any

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers.tower import LazyTower, build_tower, default_tower


@Seq2SeqEncoder.register("self_attention")
class SelfAttention(Seq2SeqEncoder):
    """Multi-head self-attention over the states of another tower (Cao et al. 2018).

    Scaled dot-product attention, whose output replaces the states of the tower, without a residual
    connection or layer normalisation.

    Registered as "self_attention".

    # Parameters

    input_size : supplied; size of the input states.
    tower : the tower below the attention; a bidirectional LSTM with 128 units per direction by
        default.
    num_heads : number of attention heads; must divide the size of the tower's states.
    dropout : dropout probability on the attention weights.

    # Raises

    ConfigurationError : `num_heads` does not divide the size of the states.

    # Example

    ```jsonnet
    { type: 'self_attention', num_heads: 8,
      tower: { type: 'lstm', hidden_size: 120, bidirectional: true } }
    ```
    """

    def __init__(
        self,
        input_size: int,
        tower: LazyTower | None = None,
        num_heads: int = 8,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tower = build_tower(tower or default_tower(), input_size)

        size = self.tower.get_output_dim()
        if num_heads < 1 or size % num_heads:
            raise ConfigurationError(
                f"expected a divisor of {size}, the size of the tower's states, found {num_heads}",
                "num_heads",
            )
        self.attention = torch.nn.MultiheadAttention(size, num_heads, dropout, batch_first=True)

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"tower": default_tower().filled}

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Run the tower and the attention.

        # Parameters

        inputs : input states, (B, L, `input_size`).
        mask : (B, L) bool, True at characters.

        # Returns

        States, (B, L, D).
        """
        states_BLD = self.tower(inputs, mask)
        attended_BLD: Tensor = self.attention(
            states_BLD, states_BLD, states_BLD, key_padding_mask=~mask, need_weights=False
        )[0]
        return attended_BLD

    def get_input_dim(self) -> int:
        """Size of the input states."""
        return self.tower.get_input_dim()

    def get_output_dim(self) -> int:
        """Size of the states, D: that of the tower's states."""
        return self.tower.get_output_dim()

    def is_bidirectional(self) -> bool:
        """True: a state depends on the characters on both sides."""
        return True
