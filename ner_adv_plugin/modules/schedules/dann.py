"""A factor that grows from 0, fast at first."""

import math

from ner_adv_plugin.modules.schedules.schedule import Schedule


@Schedule.register("dann")
class DannSchedule(Schedule):
    """Grows from 0 to `scale` along 2 / (1 + exp(-gamma p)) - 1 (Ganin & Lempitsky 2015, section 4).

    Registered as "dann".

    # Parameters

    scale : the factor at the end.
    gamma : how fast it grows.
    """

    def __init__(self, scale: float = 1.0, gamma: float = 10.0) -> None:
        super().__init__(scale)
        self.gamma = gamma

    def at(self, progress: float) -> float:
        """Scale * (2 / (1 + exp(-gamma * progress)) - 1)."""
        return self.scale * (2.0 / (1.0 + math.exp(-self.gamma * progress)) - 1.0)
