"""The base of all attacks.

Shape suffixes: B sentences, P positions, E size of an embedding.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.checks import RunContext

Norm: TypeAlias = Literal["l2", "linf"]


class Attack(Registrable):
    """Moves a batch's embeddings so that its loss rises, each sentence by no more than a given norm.

    # Parameters

    epsilon : the largest norm of a sentence's perturbation.
    norm : "l2" of all of a sentence's numbers together (positions times size), or "linf", the largest of them.
    steps : how often it moves; the loss's gradient is needed as often.
    step_size : norm of a move.
    """

    default_implementation = "fgm"

    def __init__(self, epsilon: float, norm: Norm, steps: int, step_size: float) -> None:
        self.epsilon = epsilon
        self.norm = norm
        self.steps = steps
        self.step_size = step_size

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: numbers are above 0."""
        for name in ("epsilon", "steps", "step_size"):
            if settings.get(name) is not None and not settings[name] > 0:
                raise ConfigurationError(f"expected more than 0, found {settings[name]}", name)

    def move(self, delta_BPE: Tensor, gradient_BPE: Tensor) -> Tensor:
        """The perturbation after one more move from `delta_BPE`, where the loss has this gradient or a positive
        multiple of it; a sentence without gradient stays.
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
