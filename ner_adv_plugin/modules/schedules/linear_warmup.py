"""Linear warm-up schedule."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.checks import CheckContext
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.modules.schedules.schedule import Schedule


@Schedule.register("linear_warmup")
class LinearWarmupSchedule(Schedule):
    """Grow linearly from 0 to `scale` over the first training steps, then stay constant.

    Registered as "linear_warmup".

    # Parameters

    scale : factor after the warm-up.
    warmup : fraction of the training steps in which the factor grows, above 0 and at most 1.

    # Raises

    ConfigurationError : `warmup` is out of range.

    # Example

    ```jsonnet
    { type: 'linear_warmup', scale: 1.0, warmup: 0.1 }
    ```

    # Examples

    >>> schedule = LinearWarmupSchedule(scale=2.0, warmup=0.5)
    >>> [schedule.at(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 1.0, 2.0, 2.0]
    """

    def __init__(self, scale: float = 1.0, warmup: float = 0.1) -> None:
        super().__init__(scale)
        _check_fraction(warmup)
        self.warmup = warmup

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: CheckContext[Any]) -> None:
        """See `Registrable.check`: `warmup` is a fraction."""
        super().check(settings, context)
        _check_fraction(settings["warmup"])

    def at(self, progress: float) -> float:
        """See `Schedule.at`: scale * min(1, progress / warmup)."""
        return self.scale * min(1.0, progress / self.warmup)


def _check_fraction(warmup: float) -> None:
    if not 0 < warmup <= 1:
        raise ConfigurationError(
            f"expected a fraction above 0 and at most 1, found {warmup}", "warmup"
        )
