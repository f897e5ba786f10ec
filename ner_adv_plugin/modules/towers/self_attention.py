"""Self-attention on top of a tower.

Shape suffixes: B sequences, L characters, D state size.
"""

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers.tower import LazyTower, build_tower, default_tower


@Seq2SeqEncoder.register("self_attention")
class SelfAttention(Seq2SeqEncoder):
    """Multi-head scaled dot-product self-attention over the states of another tower (Cao et al. 2018).

    Its states take the place of the tower's: nothing is added to them and nothing normalised.
    Registered as "self_attention".

    # Parameters

    input_size : supplied; size of the states it reads.
    tower : the tower underneath; a bidirectional LSTM of 128 by default.
    num_heads : attentions side by side; divides the size of the tower's states.
    dropout : on the attention's weights.
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
                f"expected a divisor of {size}, the size of the states, found {num_heads}",
                "num_heads",
            )
        self.attention = torch.nn.MultiheadAttention(size, num_heads, dropout, batch_first=True)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """States, (B, L, D)."""
        states_BLD = self.tower(inputs, mask)
        attended_BLD: Tensor = self.attention(
            states_BLD, states_BLD, states_BLD, key_padding_mask=~mask, need_weights=False
        )[0]
        return attended_BLD

    def get_input_dim(self) -> int:
        """Size of the states that the tower underneath reads."""
        return self.tower.get_input_dim()

    def get_output_dim(self) -> int:
        """Size of the states of the tower underneath."""
        return self.tower.get_output_dim()

    def is_bidirectional(self) -> bool:
        """True: a state depends on both sides."""
        return True
