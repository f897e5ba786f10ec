"""Gradients of tower states, split into those of each objective and those of the heads.

Shape suffixes: B sentences, L characters, D state size.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from torch import Tensor

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.modules.gradient_hooks import on_gradient
from ner_adv_plugin.modules.towers import TowerStates


@dataclass
class _Gradients:
    """Gradients of one tower's states in one forward pass.

    # Parameters

    name : name of the tower.
    states_BLD : its states. The reference keeps their `id` unique during the step.
    total_BLD : gradient of the total loss.
    by_objective_BLD : gradient of each objective's loss, by the objective's index.
    """

    name: str
    states_BLD: Tensor
    total_BLD: Tensor | None = None
    by_objective_BLD: dict[int, Tensor] = field(default_factory=dict)

    def add_total(self, gradient_BLD: Tensor) -> None:
        """Add a gradient of the total loss."""
        gradient_BLD = gradient_BLD.detach().float()
        self.total_BLD = gradient_BLD if self.total_BLD is None else self.total_BLD + gradient_BLD

    def add_objective(self, index: int, gradient_BLD: Tensor) -> None:
        """Add a gradient of an objective's loss."""
        gradient_BLD = gradient_BLD.detach().float()
        before = self.by_objective_BLD.get(index)
        self.by_objective_BLD[index] = gradient_BLD if before is None else before + gradient_BLD


class GradientShares:
    """Record gradients of tower states during the backward passes of a step.

    It needs no backward pass of its own. Each objective reads the states through a view whose
    gradient is that of the objective alone; the gradient of the states themselves is the sum over
    all their readers. The difference is the gradient of the heads, and of towers that read this
    tower. Several backward passes of one forward pass add up, as do several forward passes.
    """

    def __init__(self) -> None:
        self._recorded: dict[int, _Gradients] = {}

    def watched(
        self, index: int, states: Mapping[str, TowerStates], reads: Sequence[str]
    ) -> dict[str, TowerStates]:
        """Return states for an objective to read, whose gradients are recorded.

        # Parameters

        index : index of the objective.
        states : states of the towers in one forward pass.
        reads : names of the towers that the objective reads.

        # Returns

        The states, replaced by views for the towers in `reads`.
        """
        views = dict(states)
        for name in reads:
            if name in states and states[name].states_BLD.requires_grad:
                gradients = self._gradients(name, states[name].states_BLD)
                view_BLD = gradients.states_BLD.view_as(gradients.states_BLD)
                on_gradient(view_BLD, partial(gradients.add_objective, index))
                views[name] = replace(states[name], states_BLD=view_BLD)
        return views

    def ratio(self, index: int, reads: Sequence[str]) -> float | None:
        """Return the norm of an objective's gradient divided by that of the heads' gradient.

        With several processes, every process must call it: the norms are over the sentences of
        all processes.

        # Parameters

        index : index of the objective.
        reads : names of the towers whose states are compared.

        # Returns

        The ratio; None if the gradient of the heads is zero or a gradient is not finite.
        """
        own = heads = 0.0
        for gradients in self._recorded.values():
            if gradients.name in reads and gradients.total_BLD is not None:
                heads_BLD = gradients.total_BLD - sum(gradients.by_objective_BLD.values())
                heads += float(heads_BLD.square().sum())
                if index in gradients.by_objective_BLD:
                    own += float(gradients.by_objective_BLD[index].square().sum())

        own, heads = (sum(squares) for squares in zip(*gather((own, heads)), strict=True))
        ratio = math.sqrt(own / heads) if heads > 0 else math.inf
        return ratio if math.isfinite(ratio) else None

    def _gradients(self, name: str, states_BLD: Tensor) -> _Gradients:
        if id(states_BLD) not in self._recorded:
            gradients = self._recorded[id(states_BLD)] = _Gradients(name, states_BLD)
            on_gradient(states_BLD, gradients.add_total)
        return self._recorded[id(states_BLD)]
