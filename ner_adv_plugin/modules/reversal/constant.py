"""The same scale all along."""

from ner_adv_plugin.modules.reversal.schedule import ReversalSchedule


@ReversalSchedule.register("constant")
class ConstantReversal(ReversalSchedule):
    """The same scale all along (Cao et al. 2018).

    Registered as "constant".

    # Parameters

    scale : lambda.
    """

    def at(self, progress: float) -> float:
        """`scale`."""
        return self.scale
