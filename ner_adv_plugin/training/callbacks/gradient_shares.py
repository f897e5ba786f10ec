"""Whose gradients reach the states of towers: those of each objective, and those of the heads.

Shape suffixes: B sentences, L characters, D state size.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from torch import Tensor

from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.modules.towers import TowerStates


@dataclass
class _Gradients:
    """The gradients of a tower's states in one forward."""

    name: str
    # Held, so that no other tensor of the step is taken for it.
    states_BLD: Tensor
    whole_BLD: Tensor | None = None
    of_objectives_BLD: dict[int, Tensor] = field(default_factory=dict)

    def add_whole(self, gradient_BLD: Tensor) -> None:
        gradient_BLD = gradient_BLD.detach().float()
        self.whole_BLD = gradient_BLD if self.whole_BLD is None else self.whole_BLD + gradient_BLD

    def add_objective(self, index: int, gradient_BLD: Tensor) -> None:
        gradient_BLD = gradient_BLD.detach().float()
        before = self.of_objectives_BLD.get(index)
        self.of_objectives_BLD[index] = gradient_BLD if before is None else before + gradient_BLD


class GradientShares:
    """Listens to the backward passes of a step, at no further pass.

    What an objective reads, it reads through a view, whose gradient is its own; the gradient of the states themselves
    is that of all that read them. What is left is the heads', and that of towers that read this one. Several
    backward passes of one forward add up, as do several forwards.
    """

    def __init__(self) -> None:
        self._found: dict[int, _Gradients] = {}

    def watched(
        self, index: int, states: Mapping[str, TowerStates], reads: Sequence[str]
    ) -> dict[str, TowerStates]:
        """The states for an objective to read in place of these.

        # Parameters

        index : of the objective.
        states : of towers in one forward.
        reads : the towers that the objective reads.
        """
        views = dict(states)
        for name in reads:
            if name in states and states[name].states_BLD.requires_grad:
                found = self._gradients(name, states[name].states_BLD)
                view_BLD = found.states_BLD.view_as(found.states_BLD)
                view_BLD.register_hook(partial(found.add_objective, index))
                views[name] = replace(states[name], states_BLD=view_BLD)
        return views

    def ratio(self, index: int, reads: Sequence[str]) -> float | None:
        """The norm of an objective's gradient over that of the heads', on the states of some towers.

        None where the heads have none, and where gradients are not finite. Of several processes each must ask: the
        norms are over the sentences of all.
        """
        own = heads = 0.0
        for found in self._found.values():
            if found.name in reads and found.whole_BLD is not None:
                of_heads_BLD = found.whole_BLD - sum(found.of_objectives_BLD.values())
                heads += float(of_heads_BLD.square().sum())
                if index in found.of_objectives_BLD:
                    own += float(found.of_objectives_BLD[index].square().sum())
        own, heads = (sum(parts) for parts in zip(*gather((own, heads)), strict=True))
        ratio = math.sqrt(own / heads) if heads > 0 else math.inf
        return ratio if math.isfinite(ratio) else None

    def _gradients(self, name: str, states_BLD: Tensor) -> _Gradients:
        if id(states_BLD) not in self._found:
            found = self._found[id(states_BLD)] = _Gradients(name, states_BLD)
            states_BLD.register_hook(found.add_whole)
        return self._found[id(states_BLD)]
