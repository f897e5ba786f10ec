"""Tower with self-attention.

Shape suffixes: B sequences, L characters, D state size.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.towers.packed import run_sequences
from ner_adv_plugin.modules.towers.tower import LazyTower, build_tower, default_tower


class RectifiedAttention(torch.nn.Module):
    """Multi-head attention with ReLU on queries, keys and values, without output projection.

    # Parameters

    size : size of the states.
    num_heads : number of attention heads, a divisor of `size`.
    dropout : dropout probability on the attention weights.
    """

    def __init__(self, size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.projection = torch.nn.Linear(size, 3 * size)
        for weight in self.projection.weight.split(size):
            torch.nn.init.xavier_uniform_(weight)
        torch.nn.init.zeros_(self.projection.bias)

    def forward(self, states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """Attend to the states.

        # Parameters

        states_BLD : states.
        mask_BL : True at characters.

        # Returns

        (B, L, D).
        """
        query, key, value = (
            states.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for states in self.projection(states_BLD).relu().chunk(3, -1)
        )
        attended = torch.nn.functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask_BL[:, None, None],
            dropout_p=self.dropout if self.training else 0.0,
        )
        return attended.transpose(1, 2).flatten(2)


@Seq2SeqEncoder.register("self_attention")
class SelfAttention(Seq2SeqEncoder):
    """Multi-head self-attention over the states of another tower (Cao et al. 2018).

    softmax(Q K^T / sqrt(size of a head)) V for each attention head. By default the projected heads
    replace the states of the tower, as the paper says. The authors' published code differs:
    ReLU on Q, K and V, no output projection, the tower's states added, and layer normalisation:
    `activation: 'relu', residual: true, layer_norm: true`. Without `residual` the states of the
    characters of a sentence are nearly equal before training, and slow to part.

    Registered as "self_attention".

    # Parameters

    input_size : supplied; size of the input states.
    tower : the tower below the attention; a bidirectional LSTM with 128 units per direction by
        default.
    num_heads : number of attention heads; must divide the size of the tower's states.
    dropout : dropout probability on the attention weights.
    residual : add the states of the tower to the output of the attention.
    layer_norm : normalise the result (Ba et al. 2016).
    activation : "relu" applies it to queries, keys and values, and leaves out the output
        projection; null for linear queries, keys and values with an output projection.

    # Raises

    ConfigurationError : `num_heads` does not divide the size of the states.

    # Example

    ```jsonnet
    { type: 'self_attention', num_heads: 8, activation: 'relu', residual: true, layer_norm: true,
      tower: { type: 'lstm', hidden_size: 120, bidirectional: true } }
    ```
    """

    takes_lengths = True

    def __init__(
        self,
        input_size: int,
        tower: LazyTower | None = None,
        num_heads: int = 8,
        dropout: float = 0.0,
        residual: bool = False,
        layer_norm: bool = False,
        activation: Literal["relu"] | None = None,
    ) -> None:
        super().__init__()
        self.tower = build_tower(tower or default_tower(), input_size)

        size = self.tower.get_output_dim()
        if num_heads < 1 or size % num_heads:
            raise ConfigurationError(
                f"expected a divisor of {size}, the size of the tower's states, found {num_heads}",
                "num_heads",
            )
        self.attention = (
            torch.nn.MultiheadAttention(size, num_heads, dropout, batch_first=True)
            if activation is None
            else RectifiedAttention(size, num_heads, dropout)
        )
        self.residual = residual
        self.norm = torch.nn.LayerNorm(size) if layer_norm else None

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"tower": default_tower().filled}

    def forward(self, inputs: Tensor, mask: Tensor, lengths: Sequence[int] | None = None) -> Tensor:
        """Run the tower and the attention.

        # Parameters

        inputs : input states, (B, L, `input_size`).
        mask : (B, L) bool, True at characters.
        lengths : number of characters of each sequence, longest first, if the caller knows it.

        # Returns

        States, (B, L, D).
        """
        states_BLD = run_sequences(self.tower, inputs, mask, lengths)
        if isinstance(self.attention, RectifiedAttention):
            attended_BLD: Tensor = self.attention(states_BLD, mask)
        else:
            attended_BLD = self.attention(
                states_BLD, states_BLD, states_BLD, key_padding_mask=~mask, need_weights=False
            )[0]
        if self.residual:
            attended_BLD = attended_BLD + states_BLD
        return attended_BLD if self.norm is None else self.norm(attended_BLD)

    def get_input_dim(self) -> int:
        """Size of the input states."""
        return self.tower.get_input_dim()

    def get_output_dim(self) -> int:
        """Size of the states, D: that of the tower's states."""
        return self.tower.get_output_dim()

    def is_bidirectional(self) -> bool:
        """True: a state depends on the characters on both sides."""
        return True
