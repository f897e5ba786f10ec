"""Base class of objectives that train against the towers that they read.

Shape suffixes: B sentences, L characters, D state size.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from ner_adv_plugin.modules.gradient_hooks import on_gradient
from ner_adv_plugin.modules.gradient_reversal import reverse_gradient
from ner_adv_plugin.modules.objectives.objective import Objective, concatenated_states
from ner_adv_plugin.modules.schedules import ConstantSchedule, GradientShare, Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates


class Adversary(Objective):
    """Objective behind a gradient reversal: it learns one thing, the towers the opposite.

    # Parameters

    reads : names of the towers whose states are concatenated; ["shared"] by default.
    weight : weight of the loss, and so of the gradients of both sides.
    reversal : schedule of the scale of the gradient reversal, which affects the towers only;
        constant 1 by default. "gradient_share" sets the scale so that the reversed gradient is a
        share of the heads'.
    schedule : factor of `weight` over training; constant 1 by default.
    """

    def __init__(
        self,
        reads: list[str] | None = None,
        weight: float = 1.0,
        reversal: Schedule | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(reads or ["shared"], weight, schedule)
        self.reversal = ConstantSchedule() if reversal is None else reversal
        self._scale = 0.0

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {
            **super().default_values(settings),
            "reads": ["shared"],
            "reversal": {"type": "constant"},
        }

    def reversed_states(self, states: Mapping[str, TowerStates], progress: float) -> Tensor:
        """Concatenate the states that it reads, (B, L, D), whose gradient is reversed.

        # Parameters

        states, progress : see `Objective.forward`.
        """
        self._scale = self.reversal.at(progress)
        reversed_BLD = reverse_gradient(concatenated_states(states, self.reads), self._scale)
        if (
            isinstance(self.reversal, GradientShare)
            and self.training
            and reversed_BLD.requires_grad
        ):
            on_gradient(reversed_BLD, self.reversal.add_own)
        return reversed_BLD

    def reversal_scale(self) -> Statistics:
        """Return the scale of the last call of `reversed_states`, to report."""
        return {"reversal_scale": (self._scale, 1)}

    def watched(self, states: Mapping[str, TowerStates]) -> dict[str, TowerStates]:
        """See `Objective.watched`: views of the towers that it reads, if it measures gradients."""
        reversal = self.reversal
        if not isinstance(reversal, GradientShare):
            return dict(states)

        views = dict(states)
        for name in self.reads:
            if name in states and states[name].states_BLD.requires_grad:
                view_BLD = states[name].states_BLD.view_as(states[name].states_BLD)
                on_gradient(view_BLD, reversal.add_heads)
                views[name] = replace(states[name], states_BLD=view_BLD)
        return views

    def end_step(self) -> Statistics:
        """See `Objective.end_step`: `reversal_share`, the norm relative to the heads' gradient."""
        if not isinstance(self.reversal, GradientShare):
            return {}
        ratio = self.reversal.end_step()
        return {} if ratio is None else {"reversal_share": (self._scale * ratio, 1)}
