"""Base class of schedules."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.common.registrable import Registrable


class Schedule(Registrable):
    """Factor that changes over training, such as the gradient reversal scale or a loss weight.

    # Parameters

    scale : largest factor that the schedule reaches, 0 or more.
    """

    default_implementation = "constant"
    # Whether the factor at a step depends on the number of steps of the whole run. If so, `train
    # --recover` refuses another number of epochs.
    depends_on_length = True
    # Whether the factor depends on measured gradients, as only that of a reversal can.
    measured = False

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: the scale is 0 or more."""
        scale = settings.get("scale")
        if isinstance(scale, int | float):
            at_least(0, scale, "scale")

    def at(self, progress: float) -> float:
        """Return the factor at some point of training.

        # Parameters

        progress : fraction of the training steps completed, 0 to 1.
        """
        raise NotImplementedError
