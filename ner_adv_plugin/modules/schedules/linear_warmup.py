"""A factor that grows from 0 in a straight line, then stays."""

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.schedules.schedule import Schedule


@Schedule.register("linear_warmup")
class LinearWarmupSchedule(Schedule):
    """Grows from 0 to `scale` in a straight line over the first steps, then stays.

    Registered as "linear_warmup".

    # Parameters

    scale : the factor once it has grown.
    warmup : share of all training steps over which it grows, above 0 and at most 1.
    """

    def __init__(self, scale: float = 1.0, warmup: float = 0.1) -> None:
        super().__init__(scale)
        if not 0 < warmup <= 1:
            raise ConfigurationError(
                f"expected a share above 0 and at most 1, found {warmup}", "warmup"
            )
        self.warmup = warmup

    def at(self, progress: float) -> float:
        """Scale * min(1, progress / warmup)."""
        return self.scale * min(1.0, progress / self.warmup)
