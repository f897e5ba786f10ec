"""Schedule of domain-adversarial neural networks (DANN)."""

import math
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.modules.schedules.schedule import Schedule


@Schedule.register("dann")
class DannSchedule(Schedule):
    """Grow from 0 towards `scale`, fast at first (Ganin & Lempitsky 2015, section 4).

    scale * (2 / (1 + exp(-gamma p)) - 1), with the training progress p from 0 to 1.

    Registered as "dann".

    # Parameters

    scale : limit of the factor; with the default gamma, reached to within 0.01 % at the end.
    gamma : growth rate.

    # Example

    ```jsonnet
    { type: 'dann', scale: 1.0, gamma: 10.0 }
    ```

    # Examples

    >>> schedule = DannSchedule()
    >>> [round(schedule.at(progress), 3) for progress in (0.0, 0.1, 0.5, 1.0)]
    [0.0, 0.462, 0.987, 1.0]
    """

    def __init__(self, scale: float = 1.0, gamma: float = 10.0) -> None:
        super().__init__(scale)
        self.gamma = gamma

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: gamma is 0 or more."""
        super().check(settings, context)
        at_least(0, settings["gamma"], "gamma")

    def at(self, progress: float) -> float:
        """See `Schedule.at`."""
        return self.scale * (2.0 / (1.0 + math.exp(-self.gamma * progress)) - 1.0)
