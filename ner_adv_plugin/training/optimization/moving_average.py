"""Moving averages of parameters over the steps of training."""

from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class MovingAverage(Registrable):
    """Follows parameters with an average of each, which can stand in for them.

    Buffers, such as the running means of a normalisation, are not averaged.

    # Parameters

    parameters : supplied; the parameters that learn, by name.
    """

    default_implementation = "exponential"

    def __init__(self, parameters: Iterable[tuple[str, torch.nn.Parameter]]) -> None:
        named = dict(parameters)
        self._names = list(named)
        self._parameters: list[Tensor] = list(named.values())
        self._averages = [parameter.detach().clone() for parameter in self._parameters]
        # The parameters' own values, while the averages stand in for them.
        self._kept: list[Tensor] = []

    def apply(self, num_updates: int | None = None) -> None:
        """Take the parameters' present values into the averages.

        # Parameters

        num_updates : steps of the optimizer done, this one included.
        """
        raise NotImplementedError

    @torch.no_grad()
    def assign_average_value(self) -> None:
        """Put the averages in the parameters' place, until `restore`."""
        if not self._kept:
            self._kept = [parameter.detach().clone() for parameter in self._parameters]
            torch._foreach_copy_(self._parameters, self._averages)

    @torch.no_grad()
    def restore(self) -> None:
        """Give the parameters the values back that they had before `assign_average_value`."""
        if self._kept:
            torch._foreach_copy_(self._parameters, self._kept)
            self._kept = []

    def state_dict(self) -> dict[str, Any]:
        """The averages; the parameters' own values are the model's."""
        return {"averages": dict(zip(self._names, self._averages, strict=True))}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        for name, average in zip(self._names, self._averages, strict=True):
            average.copy_(state["averages"][name])


LazyMovingAverage: TypeAlias = Annotated[Lazy[MovingAverage], Supplied("parameters")]


@MovingAverage.register("exponential")
class ExponentialMovingAverage(MovingAverage):
    """An exponential moving average: after every step, decay x average + (1 - decay) x parameter.

    After step t the decay is min(`decay`, (`numerator` + t) / (`denominator` + t)), as in TensorFlow's
    ExponentialMovingAverage, so that the initial weights are soon forgotten.
    Registered as "exponential".

    # Parameters

    parameters : supplied.
    decay : at most; 0 to 1.
    numerator, denominator : of the decay of the first steps.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, torch.nn.Parameter]],
        decay: float = 0.9999,
        numerator: float = 1.0,
        denominator: float = 10.0,
    ) -> None:
        super().__init__(parameters)
        if not 0 <= decay <= 1:
            raise ConfigurationError(f"expected 0 to 1, found {decay}", "decay")
        if numerator < 0:
            raise ConfigurationError(f"expected 0 or more, found {numerator}", "numerator")
        if denominator <= 0:
            raise ConfigurationError(f"expected more than 0, found {denominator}", "denominator")
        self.decay = decay
        self.numerator = numerator
        self.denominator = denominator

    @torch.no_grad()
    def apply(self, num_updates: int | None = None) -> None:
        """See `MovingAverage.apply`; without `num_updates` the decay is `decay`."""
        decay = self.decay
        if num_updates is not None:
            decay = min(decay, (self.numerator + num_updates) / (self.denominator + num_updates))
        torch._foreach_lerp_(self._averages, self._parameters, 1 - decay)
