"""Moving averages of the trainable parameters."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import above, at_least
from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied


class MovingAverage(Registrable):
    """Exponential moving average of the weights: decay x average + (1 - decay) x weight.

    Registered as "exponential". The average is updated after every optimizer step. After step t the
    decay is min(`decay`, (`numerator` + t) / (`denominator` + t)), as in TensorFlow's
    ExponentialMovingAverage, so that the influence of the initial weights vanishes fast. Buffers,
    such as the running means of a normalisation layer, are not averaged.

    # Parameters

    parameters : supplied; trainable parameters by name.
    decay : upper bound of the decay, 0 to 1.
    numerator, denominator : constants of the decay of the first steps.

    # Example

    ```jsonnet
    { type: 'exponential', decay: 0.999 }
    ```

    # Examples

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> average = MovingAverage([("weight", weight)], decay=0.5)
    >>> weight.data.fill_(3.0)
    tensor([3.])
    >>> average.apply()
    >>> average.assign_average_value()
    >>> weight.item()
    2.0
    """

    default_implementation = "exponential"

    def __init__(
        self,
        parameters: Iterable[tuple[str, torch.nn.Parameter]],
        decay: float = 0.9999,
        numerator: float = 1.0,
        denominator: float = 10.0,
    ) -> None:
        _check(decay, numerator, denominator)
        self.decay = decay
        self.numerator = numerator
        self.denominator = denominator

        named = dict(parameters)
        self._names = list(named)
        self._parameters: list[Tensor] = list(named.values())
        self._averages = [parameter.detach().clone() for parameter in self._parameters]
        # Values of the parameters while the averages replace them.
        self._saved: list[Tensor] = []

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: decay and constants are in their ranges."""
        _check(settings["decay"], settings["numerator"], settings["denominator"])

    @torch.no_grad()
    def apply(self, num_updates: int | None = None) -> None:
        """Update the averages with the current values of the parameters.

        # Parameters

        num_updates : number of optimizer steps done; None to use `decay` itself.
        """
        decay = self.decay
        if num_updates is not None:
            decay = min(decay, (self.numerator + num_updates) / (self.denominator + num_updates))
        torch._foreach_lerp_(self._averages, self._parameters, 1 - decay)

    @torch.no_grad()
    def assign_average_value(self) -> None:
        """Replace the values of the parameters by the averages, until `restore`."""
        if not self._saved:
            self._saved = [parameter.detach().clone() for parameter in self._parameters]
            torch._foreach_copy_(self._parameters, self._averages)

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the values of the parameters from before `assign_average_value`."""
        if self._saved:
            torch._foreach_copy_(self._parameters, self._saved)
            self._saved = []

    def state_dict(self) -> dict[str, Any]:
        """Return the averages by name; the values of the parameters are in the model's state."""
        return {"averages": dict(zip(self._names, self._averages, strict=True))}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        for name, average in zip(self._names, self._averages, strict=True):
            average.copy_(state["averages"][name])


# The key `type` is kept for AllenNLP's configs and for custom subclasses.
MovingAverage.register("exponential")(MovingAverage)

LazyMovingAverage: TypeAlias = Annotated[Lazy[MovingAverage], Supplied("parameters")]


def _check(decay: float, numerator: float, denominator: float) -> None:
    if not 0 <= decay <= 1:
        raise ConfigurationError(f"expected 0 to 1, found {decay}", "decay")
    at_least(0, numerator, "numerator")
    above(0, denominator, "denominator")
