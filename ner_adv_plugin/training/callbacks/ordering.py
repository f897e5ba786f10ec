"""The order in which a trainer calls its callbacks."""

from collections.abc import Sequence

from ner_adv_plugin.common.processes import is_main
from ner_adv_plugin.training.callbacks.callback import TrainerCallback
from ner_adv_plugin.training.callbacks.console import ConsoleCallback


def in_calling_order(
    callbacks: Sequence[TrainerCallback], serialization_dir: str
) -> list[TrainerCallback]:
    """Return the callbacks of this process, callbacks that write curves last.

    # Parameters

    callbacks : callbacks of the config, in its order. Without a `ConsoleCallback` one is added
        before them.
    serialization_dir : the run's folder.
    """
    every = list(callbacks)
    if not any(isinstance(callback, ConsoleCallback) for callback in every):
        every.insert(0, ConsoleCallback(serialization_dir))
    own = [callback for callback in every if is_main() or callback.every_process]
    return sorted(own, key=lambda callback: callback.writes_curves)
