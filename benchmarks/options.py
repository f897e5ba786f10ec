"""The size of the measurements."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Settings of all benchmarks.

    # Parameters

    repeats : the number of rounds of which the median is taken.
    batches : the number of batches in benchmarks of training.
    tiny : use models of a few units and a few sentences, as a test; the figures mean nothing.
    """

    repeats: int = 3
    batches: int = 12
    tiny: bool = False
