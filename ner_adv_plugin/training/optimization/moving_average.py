"""Moving averages of the trainable parameters."""

from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class MovingAverage(Registrable):
    """Exponential moving average of the weights: decay x average + (1 - decay) x weight.

    It is updated after every optimizer step. After step t the decay is min(`decay`,
    (`numerator` + t) / (`denominator` + t)), as in TensorFlow's ExponentialMovingAverage, so that
    the initial weights are soon forgotten. Buffers, such as the running means of a normalisation,
    are not averaged.

    Registered as "exponential".

        moving_average: { type: 'exponential', decay: 0.999 }

    # Parameters

    parameters : supplied; trainable parameters by name.
    decay : upper bound of the decay; 0 to 1.
    numerator, denominator : of the decay of the first steps.
    """

    default_implementation = "exponential"

    def __init__(
        self,
        parameters: Iterable[tuple[str, torch.nn.Parameter]],
        decay: float = 0.9999,
        numerator: float = 1.0,
        denominator: float = 10.0,
    ) -> None:
        if not 0 <= decay <= 1:
            raise ConfigurationError(f"expected 0 to 1, found {decay}", "decay")
        if numerator < 0:
            raise ConfigurationError(f"expected 0 or more, found {numerator}", "numerator")
        if denominator <= 0:
            raise ConfigurationError(f"expected more than 0, found {denominator}", "denominator")
        self.decay = decay
        self.numerator = numerator
        self.denominator = denominator

        named = dict(parameters)
        self._names = list(named)
        self._parameters: list[Tensor] = list(named.values())
        self._averages = [parameter.detach().clone() for parameter in self._parameters]
        # The parameters' own values while the averages replace them.
        self._saved: list[Tensor] = []

    @torch.no_grad()
    def apply(self, num_updates: int | None = None) -> None:
        """Update the averages with the parameters' present values.

        # Parameters

        num_updates : optimizer steps done, this one included; without it the decay is `decay`.
        """
        decay = self.decay
        if num_updates is not None:
            decay = min(decay, (self.numerator + num_updates) / (self.denominator + num_updates))
        torch._foreach_lerp_(self._averages, self._parameters, 1 - decay)

    @torch.no_grad()
    def assign_average_value(self) -> None:
        """Replace the parameters' values by the averages, until `restore`."""
        if not self._saved:
            self._saved = [parameter.detach().clone() for parameter in self._parameters]
            torch._foreach_copy_(self._parameters, self._averages)

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the parameters' values from before `assign_average_value`."""
        if self._saved:
            torch._foreach_copy_(self._parameters, self._saved)
            self._saved = []

    def state_dict(self) -> dict[str, Any]:
        """Return the averages by name; the parameters' own values belong to the model's state."""
        return {"averages": dict(zip(self._names, self._averages, strict=True))}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        for name, average in zip(self._names, self._averages, strict=True):
            average.copy_(state["averages"][name])


# The only one: the config key `type` is kept for AllenNLP's configs, and for subclasses in plugins.
MovingAverage.register("exponential")(MovingAverage)

LazyMovingAverage: TypeAlias = Annotated[Lazy[MovingAverage], Supplied("parameters")]
