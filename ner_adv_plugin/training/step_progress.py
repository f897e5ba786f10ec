"""The progress bar of an epoch."""

import time
from typing import Any

from ner_adv_plugin.modules.statistics import Statistics, averages


def show_step(bar: Any, statistics: Statistics) -> None:
    """Advance a progress bar by one step; if it is redrawn, show the averages of the step."""
    # On a GPU, the host waits for them.
    if not bar.disable and time.time() - bar.last_print_t >= bar.mininterval:
        shown = {
            name: f"{value:.3f}"
            for name, value in averages(statistics).items()
            if not name.endswith("_optimized_loss")
        }
        bar.set_postfix(shown, refresh=False)
    bar.update(1)
