"""Perturbations of embeddings for adversarial training.

Shape suffixes: B sequences, P positions of the longest sequence, E size of an embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Perturbation:
    """Vectors to add to the embeddings of a batch.

    A position has the same perturbation in all windows that contain it.

    # Parameters

    delta_BPE : one vector per position, that is per character, or per subword if the encoder splits
        characters. If None, it becomes zeros that require a gradient as soon as the encoder, which
        knows the sizes, calls `of`.
    """

    delta_BPE: Tensor | None = None

    def of(self, ids_BP: Tensor, size: int) -> Tensor:
        """Return the perturbation, (B, P, E).

        # Parameters

        ids_BP : token indices of the positions.
        size : size of an embedding, E.
        """
        if self.delta_BPE is None:
            self.delta_BPE = torch.zeros(
                *ids_BP.shape, size, device=ids_BP.device, requires_grad=True
            )
        return self.delta_BPE
