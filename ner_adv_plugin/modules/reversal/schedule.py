"""The base of all reversal schedules."""

from ner_adv_plugin.common.registrable import Registrable


class ReversalSchedule(Registrable):
    """Says by how much a reversed gradient is scaled, as training goes on.

    # Parameters

    scale : the scale that the schedule reaches at most.
    """

    default_implementation = "constant"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def at(self, progress: float) -> float:
        """The scale after a share of all training steps, 0 to 1."""
        raise NotImplementedError
