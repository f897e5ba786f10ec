"""Combinations of towers: towers that read others and combine their states linearly.

Shape suffixes: B sequences, L characters, D state size, N combined towers.
"""

from collections.abc import Sequence

import torch
from allennlp_light.modules.seq2seq_encoders import Seq2SeqEncoder
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError


class Combination(Seq2SeqEncoder):
    """Base class of towers that combine the states of other towers.

    It reads their concatenated states, as any tower that reads several.

    # Parameters

    sizes : sizes of the states that it reads, in their order.
    combined : number of the towers that it combines, the last of those that it reads.

    # Raises

    ConfigurationError : the states to combine differ in size.
    """

    def __init__(self, sizes: Sequence[int], combined: int) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.combined = combined
        different = sorted(set(self.sizes[-combined:]))
        if len(different) > 1:
            raise ConfigurationError(
                "only towers with states of the same size can be combined, found sizes"
                f" {', '.join(map(str, different))}",
                "model.towers",
                absolute=True,
            )

    def split(self, inputs: Tensor) -> Tensor:
        """Return the states to combine, (B, L, N, D), from all inputs, (B, L, sum of sizes)."""
        size = self.get_output_dim()
        return inputs[..., -self.combined * size :].unflatten(-1, (self.combined, size))

    def get_input_dim(self) -> int:
        """Total size of the states that it reads."""
        return sum(self.sizes)

    def get_output_dim(self) -> int:
        """Size of the states, D: that of the combined ones."""
        return self.sizes[-1]

    def is_bidirectional(self) -> bool:
        """True: the combined states usually are."""
        return True


class GatedMixture(Combination):
    """Mixture of experts with one gate for each character (Ma et al. 2018, section 4.2).

    sum over i of g(x)_i f_i, with g(x) = softmax(W x): x is the state that selects and f_i the
    states of the experts. W has no bias.

    # Parameters

    sizes : size of the states that select, then those of the experts.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__(sizes, len(sizes) - 1)
        self.gate = torch.nn.Linear(self.sizes[0], self.combined, bias=False)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Mix the states of the experts.

        # Parameters

        inputs : the states that select and those of the experts, (B, L, sum of `sizes`).
        mask : (B, L) bool, True at characters.

        # Returns

        States, (B, L, D).
        """
        gate_BLN = self.gate(inputs[..., : self.sizes[0]]).softmax(-1)
        return (gate_BLN.unsqueeze(-1) * self.split(inputs)).sum(-2)


class CrossStitch(Combination):
    """One task's row of a cross-stitch unit (Misra et al. 2016, eq. 1).

    sum over tasks j of alpha_j x_j. Before training alpha is `same` for the task itself, and the
    others share 1 - `same` equally.

    # Parameters

    sizes : sizes of the states of all tasks.
    own : index of the task among them.
    same : initial weight of the task's own states.
    """

    def __init__(self, sizes: Sequence[int], own: int, same: float) -> None:
        super().__init__(sizes, len(sizes))
        others = (1.0 - same) / max(1, self.combined - 1)
        alpha_N = torch.full((self.combined,), others)
        alpha_N[own] = same
        self.alpha = torch.nn.Parameter(alpha_N)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Combine the states of all tasks.

        # Parameters

        inputs : states of all tasks, (B, L, sum of `sizes`).
        mask : (B, L) bool, True at characters.

        # Returns

        States, (B, L, D).
        """
        return (self.alpha.unsqueeze(-1) * self.split(inputs)).sum(-2)
