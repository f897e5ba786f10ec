"""Base class of attacks on embeddings.

Shape suffixes: B sentences, P positions, E size of an embedding.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import above
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.checks import RunContext

Norm: TypeAlias = Literal["l2", "linf"]


class Attack(Registrable):
    """Base class of attacks: perturbations of embeddings that increase the loss.

    # Parameters

    epsilon : maximum norm of the perturbation of a sentence.
    norm : "l2", over all P x E entries of a sentence, or "linf", their largest absolute value.
    steps : number of steps; each needs one gradient of the loss.
    step_size : norm of one step.
    relative : `epsilon` and `step_size` are multiples of the size of the sentence's embeddings: of
        the root mean square of their norms with "l2", of their entries with "linf".
    """

    default_implementation = "fgm"

    def __init__(
        self, epsilon: float, norm: Norm, steps: int, step_size: float, relative: bool = False
    ) -> None:
        self.epsilon = epsilon
        self.norm = norm
        self.steps = steps
        self.step_size = step_size
        self.relative = relative

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the numbers are above 0."""
        for name in ("epsilon", "steps", "step_size"):
            above(0, settings.get(name), name)

    def move(self, delta_BPE: Tensor, gradient_BPE: Tensor) -> Tensor:
        """Return the perturbation after one more step.

        # Parameters

        delta_BPE : current perturbation.
        gradient_BPE : gradient of the loss with respect to the perturbed embeddings, or a positive
            multiple of it. A sentence with zero gradient is not moved.

        # Returns

        The new perturbation, projected onto the ball of radius `epsilon`.
        """
        if self.norm == "linf":
            moved_BPE = delta_BPE + self.step_size * gradient_BPE.sign()
            return moved_BPE.clamp(-self.epsilon, self.epsilon)

        size_B11 = _sentence_norms(gradient_BPE)
        moved_BPE = delta_BPE + gradient_BPE * torch.where(
            size_B11 > 0, self.step_size / size_B11, 0.0
        )
        size_B11 = _sentence_norms(moved_BPE)
        return moved_BPE * torch.where(size_B11 > self.epsilon, self.epsilon / size_B11, 1.0)


def _sentence_norms(values_BPE: Tensor) -> Tensor:
    return torch.linalg.vector_norm(values_BPE, dim=(1, 2), keepdim=True)
