"""Statistics to report: sums and counts, which add up over batches and processes."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from torch import Tensor

from ner_adv_plugin.common.processes import gather, world_size

# By name the sum over a batch and the number of summands; an epoch's mean is reported.
Statistics: TypeAlias = dict[str, tuple[Tensor | float, int]]


def add_statistics(total: Statistics, more: Mapping[str, tuple[Tensor | float, int]]) -> None:
    """Add sums and counts to running totals, in place.

    # Parameters

    total : running sum and count by name.
    more : sums and counts to add.

    # Examples

    >>> total = {"loss": (1.0, 2)}
    >>> add_statistics(total, {"loss": (3.0, 2), "accuracy": (1, 4)})
    >>> averages(total)
    {'loss': 1.0, 'accuracy': 0.25}
    """
    for name, (value, count) in more.items():
        old_value, old_count = total.get(name, (0.0, 0))
        total[name] = (old_value + value, old_count + count)


def summed(shares: Iterable[Mapping[str, tuple[Tensor | float, int]]]) -> Statistics:
    """Return the sums and counts of several batches or processes together."""
    total: Statistics = {}
    for share in shares:
        add_statistics(total, share)
    return total


def as_numbers(statistics: Statistics) -> Statistics:
    """Return the same sums and counts as plain numbers, without tensors."""
    return {name: (float(value), count) for name, (value, count) in statistics.items()}


def averages(statistics: Statistics) -> dict[str, float]:
    """Return sums divided by counts, as plain numbers; zero counts are left out."""
    return {name: float(value) / count for name, (value, count) in statistics.items() if count}


def over_processes(loss: Tensor | float, statistics: Statistics) -> Statistics:
    """Sum the statistics of a step over all processes; every process must call it.

    # Parameters

    loss : loss of this process's share of the batch.
    statistics : sums and counts of this process.

    # Returns

    Sums and counts of all processes; `loss` has the sum of the losses and count 1.
    """
    own: Statistics = {**statistics, "loss": (loss, 1)}
    if world_size() == 1:
        return own

    total = summed(gather(as_numbers(own)))
    return {**total, "loss": (total["loss"][0], 1)}
