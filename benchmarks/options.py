"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Settings of all benchmarks.

    # Parameters

    repeats : rounds of which the median counts.
    batches : batches a benchmark of training takes.
    tiny : models of a few units and a few sentences, to see that it runs; figures mean nothing then.
    """

    repeats: int = 3
    batches: int = 12
    tiny: bool = False
