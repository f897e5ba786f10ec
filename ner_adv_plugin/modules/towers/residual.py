"""Tower beside which the input states pass unchanged.

Shape suffixes: B sequences, L characters.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.modules.towers.packed import run_sequences
from ner_adv_plugin.modules.towers.tower import LazyTower, build_tower, default_tower


@Seq2SeqEncoder.register("residual")
class Residual(Seq2SeqEncoder):
    """Add the states of another tower to its input states (He et al. 2016).

    x P + W t(x) + b for input states x and a tower t. W and b are 0 before training, as in zero
    initialisation of residual branches (Zhang et al. 2019, "Fixup initialization"): a tower over
    the encoder starts as the encoder's states, and heads learn from them while the tower is still
    random. Without it a small corpus trains a new BiLSTM for most of its steps. P is the identity,
    or a projection to `output_size`.

    Registered as "residual".

    # Parameters

    input_size : supplied; size of the input states.
    tower : the tower beside the direct path; a bidirectional LSTM with 128 units per direction by
        default.
    output_size : size of the states; null for the size of the input states, without a projection.

    # Raises

    ConfigurationError : `output_size` is below 1.

    # Example

    ```jsonnet
    { type: 'residual', tower: { type: 'lstm', hidden_size: 128, bidirectional: true } }
    ```
    """

    takes_lengths = True

    def __init__(
        self, input_size: int, tower: LazyTower | None = None, output_size: int | None = None
    ) -> None:
        super().__init__()
        _check_size(output_size)
        self.tower = build_tower(tower or default_tower(), input_size)
        self.branch = torch.nn.Linear(self.tower.get_output_dim(), output_size or input_size)
        torch.nn.init.zeros_(self.branch.weight)
        torch.nn.init.zeros_(self.branch.bias)
        self.projection = (
            None if output_size is None else torch.nn.Linear(input_size, output_size, bias=False)
        )

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the size is 1 or more."""
        _check_size(settings["output_size"])

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {"tower": default_tower().filled}

    def forward(self, inputs: Tensor, mask: Tensor, lengths: Sequence[int] | None = None) -> Tensor:
        """Run the tower and add its states to the input states.

        # Parameters

        inputs : input states, (B, L, `input_size`).
        mask : (B, L) bool, True at characters.
        lengths : number of characters of each sequence, longest first, if the caller knows it.

        # Returns

        States, (B, L, `get_output_dim()`).
        """
        return self.add(inputs, run_sequences(self.tower, inputs, mask, lengths))

    def add(self, inputs: Tensor, states: Tensor) -> Tensor:
        """Add the states of the tower to its input states.

        # Parameters

        inputs : input states, (B, L, `input_size`).
        states : states of the inner tower, (B, L, its size).

        # Returns

        States, (B, L, `get_output_dim()`).
        """
        direct = inputs if self.projection is None else self.projection(inputs)
        result: Tensor = direct + self.branch(states)
        return result

    def get_input_dim(self) -> int:
        """Size of the input states."""
        return self.tower.get_input_dim()

    def get_output_dim(self) -> int:
        """Size of the states."""
        return self.branch.out_features

    def is_bidirectional(self) -> bool:
        """Whether the tower is bidirectional."""
        return self.tower.is_bidirectional()


def _check_size(output_size: int | None) -> None:
    if output_size is not None and output_size < 1:
        raise ConfigurationError(f"expected 1 or more, or null, found {output_size}", "output_size")
