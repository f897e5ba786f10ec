"""Constant schedule."""

from ner_adv_plugin.modules.schedules.schedule import Schedule


@Schedule.register("constant")
class ConstantSchedule(Schedule):
    """Keep the factor constant (Cao et al. 2018).

    Registered as "constant".

    # Parameters

    scale : the factor.

    # Example

    ```jsonnet
    { type: 'constant', scale: 0.5 }
    ```
    """

    depends_on_length = False

    def at(self, progress: float) -> float:
        """See `Schedule.at`: `scale`."""
        return self.scale
