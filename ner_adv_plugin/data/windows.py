"""Overlapping windows over long sequences, and groups of sequences of similar length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# Maximum number of padded positions in a batch, unless it is a single longer sentence.
MAX_TOKENS = 16384


@dataclass(frozen=True, slots=True)
class Window:
    """Part of a sequence that is encoded on its own.

    The kept ranges of the windows of a sequence are adjacent, without gaps or overlap.

    # Parameters

    sequence : index of the sequence.
    start, stop : positions `start` to `stop` - 1 are encoded together.
    keep_start, keep_stop : the states of positions `keep_start` to `keep_stop` - 1 are kept.
    """

    sequence: int
    start: int
    stop: int
    keep_start: int
    keep_stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def cover(sequence: int, length: int, size: int, overlap: int) -> list[Window]:
    """Cover a sequence with windows.

    Every kept position has context on both sides: the border between two windows is in the middle
    of their overlap. The windows are evenly spaced, so that all have the same length.

    # Parameters

    sequence : index of the sequence.
    length : number of its positions.
    size : maximum number of positions of a window.
    overlap : minimum number of positions that adjacent windows share.

    # Returns

    The windows, in order; one window if the sequence fits into it.
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
    """Split sequences into consecutive groups that minimise the total cost of padding and calls.

    The cost of a group is its number of sequences times its longest length, plus `overhead`; the
    minimum is found by dynamic programming.

    # Parameters

    lengths : lengths of the sequences, descending.
    overhead : fixed cost of a group, in positions.
    most : maximum number of positions of a group with more than one sequence, including padding.

    # Returns

    (first, last + 1) of each group.
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
    """Split sequences into consecutive runs of at most `most` positions and at least one sequence.

    # Returns

    (first, last + 1) of each run.
    """
    bounds, total = [0], 0
    for sequence, length in enumerate(lengths):
        if total and total + length > most:
            bounds.append(sequence)
            total = 0
        total += length
    return list(pairwise([*bounds, len(lengths)]))


def batches_by_length(
    lengths: NDArray[np.int64], batch_size: int, max_tokens: int = MAX_TOKENS
) -> Iterator[list[int]]:
    """Yield the indices of the sentences of each batch, longest first, without empty ones.

    # Parameters

    lengths : number of characters of each sentence.
    batch_size : maximum number of sentences in a batch.
    max_tokens : maximum number of padded positions in a batch; a longer sentence forms a batch by
        itself.

    # Examples

    >>> list(batches_by_length(np.array([2, 0, 5, 4]), batch_size=2))
    [[2, 3], [0]]
    """
    order = np.argsort(-lengths, kind="stable")

    batch: list[int] = []
    for sentence in order[: int(np.count_nonzero(lengths))].tolist():
        longest = int(lengths[batch[0]]) if batch else 0
        if batch and (len(batch) == batch_size or longest * (len(batch) + 1) > max_tokens):
            yield batch
            batch = []
        batch.append(sentence)

    if batch:
        yield batch
