"""Windows over sequences longer than an encoder takes, and groups of sequences of similar length."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Window:
    """Positions `start` to `stop` of a sequence are encoded together; the states of `keep_start` to `keep_stop` are kept.

    Kept ranges of a sequence's windows meet without gap or overlap.
    """

    sequence: int
    start: int
    stop: int
    keep_start: int
    keep_stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def cover(sequence: int, length: int, size: int, overlap: int) -> list[Window]:
    """Windows of at most `size` positions over a sequence, neighbours sharing `overlap` or more.

    A kept position has context on both sides: the border between two windows is the middle of what they
    share. Windows start evenly, so that the last one is as long as the others.
    """
    if length <= size:
        return [Window(sequence, 0, length, 0, length)]
    count = -(-(length - overlap) // (size - overlap))
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    borders = [0] + [(starts[i] + starts[i - 1] + size) // 2 for i in range(1, count)] + [length]
    return [
        Window(sequence, starts[i], starts[i] + size, borders[i], borders[i + 1])
        for i in range(count)
    ]


def length_groups(lengths: Sequence[int], overhead: int, most: int) -> list[tuple[int, int]]:
    """Cut sequences, longest first, into consecutive groups such that padding and calls together cost least.

    # Parameters

    lengths : longest first.
    overhead : what a group costs besides its padded positions, in positions.
    most : padded positions of a group at most, where it has more than one sequence.

    # Returns

    (first, last + 1) of every group: the minimum of sum over groups of sequences x longest + overhead, by dynamic
    programming.
    """
    count = len(lengths)
    longest: NDArray[np.int64] = np.asarray(lengths, dtype=np.int64)
    cost: NDArray[np.int64] = np.zeros(count + 1, dtype=np.int64)
    first: NDArray[np.int64] = np.zeros(count + 1, dtype=np.int64)
    starts = np.arange(count)
    lowest = 0
    for end in range(1, count + 1):
        while lowest < end - 1 and (end - lowest) * longest[lowest] > most:
            lowest += 1
        area = (end - starts[lowest:end]) * longest[lowest:end]
        options = cost[lowest:end] + area + overhead
        first[end] = lowest + int(np.argmin(options))
        cost[end] = options[first[end] - lowest]
    groups: list[tuple[int, int]] = []
    end = count
    while end:
        groups.append((int(first[end]), end))
        end = int(first[end])
    return groups[::-1]


def runs(lengths: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Cut sequences into consecutive runs, (first, last + 1), of at most `most` positions, but of one sequence at least."""
    bounds, total = [0], 0
    for sequence, length in enumerate(lengths):
        if total and total + length > most:
            bounds.append(sequence)
            total = 0
        total += length
    return list(pairwise([*bounds, len(lengths)]))
