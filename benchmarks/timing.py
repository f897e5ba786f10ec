"""Interleaved timing, so that other load on the machine affects all measurements alike."""

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(
    calls: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 1
) -> dict[str, float]:
    """Time several functions in turn.

    # Parameters

    calls : the functions by name; every round calls each of them once, in this order.
    repeats : the number of measured rounds.
    warm_up : the number of rounds before those.

    # Returns

    The median seconds of every function.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warm_up + repeats):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - started)

    return {name: statistics.median(taken) for name, taken in seconds.items()}
