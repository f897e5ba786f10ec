"""What adversarial training adds to embeddings.

Shape suffixes: B sequences, P positions of the longest sequence, E size of an embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Perturbation:
    """What is added to the embedding of every position of a batch, the same in all windows that it stands in.

    # Parameters

    delta_BPE : one vector a position: a character, or a piece where the encoder cuts into pieces; None until an
        encoder, which knows the sizes, first asks, and then zeros that collect their gradient.
    """

    delta_BPE: Tensor | None = None

    def of(self, ids_BP: Tensor, size: int) -> Tensor:
        """What to add to the embeddings, of `size`, at these positions, (B, P, E)."""
        if self.delta_BPE is None:
            self.delta_BPE = torch.zeros(
                *ids_BP.shape, size, device=ids_BP.device, requires_grad=True
            )
        return self.delta_BPE
