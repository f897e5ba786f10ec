"""Perturbations of embeddings for adversarial training.

Shape suffixes: B sequences, P positions of the longest sequence, E size of an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ner_adv_plugin.common.devices import index_tensor


@dataclass
class Perturbation:
    """Vectors to add to the embeddings of a batch.

    A position has the same perturbation in all windows that contain it.

    # Parameters

    delta_BPE : one vector per position, that is per character, or per subword if the encoder splits
        characters. If None, it becomes zeros that require a gradient as soon as the encoder, which
        knows the sizes, calls `of`.
    norm_B11 : root mean square, over the positions of a sequence, of the norm of an embedding; None
        until an encoder calls `measure`.
    """

    delta_BPE: Tensor | None = None
    norm_B11: Tensor | None = None

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

    @torch.no_grad()
    def measure(self, vectors_BPE: Tensor, lengths: Sequence[int]) -> None:
        """Measure the embeddings.

        # Parameters

        vectors_BPE : embeddings of the positions, without perturbation.
        lengths : number of positions of each sequence.
        """
        length_B = index_tensor(lengths, vectors_BPE.device)
        real_BP = torch.arange(vectors_BPE.shape[1], device=vectors_BPE.device) < length_B[:, None]
        square_BP = vectors_BPE.float().square().sum(-1) * real_BP
        norm_B = (square_BP.sum(1) / length_B.clamp(min=1)).sqrt()
        self.norm_B11 = norm_B[:, None, None]
