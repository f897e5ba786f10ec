"""The base of all schedules."""

from ner_adv_plugin.common.registrable import Registrable


class Schedule(Registrable):
    """A factor that changes as training goes on: of a reversed gradient, or of an objective's weight.

    # Parameters

    scale : the factor that the schedule reaches at most.
    """

    default_implementation = "constant"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def at(self, progress: float) -> float:
        """The factor after a share of all training steps, 0 to 1."""
        raise NotImplementedError
