"""The same factor all along."""

from ner_adv_plugin.modules.schedules.schedule import Schedule


@Schedule.register("constant")
class ConstantSchedule(Schedule):
    """The same factor all along (Cao et al. 2018).

    Registered as "constant".

    # Parameters

    scale : the factor.
    """

    def at(self, progress: float) -> float:
        """`scale`."""
        return self.scale
