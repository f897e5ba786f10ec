"""Batch limits: the maximum size of a batch, in sentences or in padded characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError

DEFAULT_SENTENCES = 32


@dataclass(frozen=True)
class BatchLimit:
    """The maximum size of a batch, in sentences or in padded characters.

    # Parameters

    sentences : maximum number of sentences in a batch; 32 if neither limit is set.
    tokens : maximum number of padded characters in a batch (number of sentences x length of the
        longest); a sentence longer than this forms a batch by itself.

    # Raises

    ConfigurationError : if both are set or one is below 1; its path is the config key,
        `batch_size` or `max_tokens`.

    # Examples

    >>> BatchLimit(sentences=3).cut([5, 5, 5, 5])
    [2, 2]
    >>> BatchLimit(tokens=12).cut([2, 3, 4, 9, 20])
    [3, 1, 1]
    """

    sentences: int | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if self.sentences is not None and self.tokens is not None:
            raise ConfigurationError(
                "batch_size and max_tokens both limit the size of a batch: set one of them",
                "max_tokens",
            )
        at_least(1, self.sentences, "batch_size")
        at_least(1, self.tokens, "max_tokens")
        if self.tokens is None and self.sentences is None:
            object.__setattr__(self, "sentences", DEFAULT_SENTENCES)

    def count(self, sentences: int) -> int | None:
        """Return the number of batches of this many sentences; None if it depends on lengths."""
        return None if self.sentences is None else -(-sentences // self.sentences)

    def pools(self, batches: int, lengths: NDArray[np.int64]) -> list[int]:
        """Split sentences into pools of nearly the same size.

        # Parameters

        batches : maximum number of batches in a pool; with `tokens` approximately.
        lengths : length of each sentence in characters.

        # Returns

        The number of sentences in each pool.
        """
        count = self.count(len(lengths))
        if count is not None:
            # Pools of whole batches, so that the number of batches is `count`.
            sizes = evenly(len(lengths), count)
            ends = accumulate(evenly(count, -(-count // batches)), initial=0)
            return [sum(sizes[start:end]) for start, end in pairwise(ends)]

        assert self.tokens is not None
        size = int(batches * self.tokens * len(lengths) / max(1, int(lengths.sum())))
        return evenly(len(lengths), -(-len(lengths) // max(1, size)))

    def cut(self, lengths: Sequence[int]) -> list[int]:
        """Split a sequence of sentences into as few batches as possible, of nearly the same size.

        The loss of a step is a mean over its sentences: a short batch would give each of them a
        larger weight. With `sentences` the batches differ by one sentence at most. With `tokens`
        the largest number of padded characters in a batch is as small as possible; batches of
        shorter sentences hold more of them.

        # Parameters

        lengths : length of each sentence in characters, in order.

        # Returns

        The number of sentences in each batch.
        """
        if self.sentences is not None:
            return evenly(len(lengths), -(-len(lengths) // self.sentences))

        assert self.tokens is not None
        fewest = len(_greedy(lengths, self.tokens))
        low, high = 1, self.tokens
        while low < high:
            middle = (low + high) // 2
            if len(_greedy(lengths, middle)) > fewest:
                low = middle + 1
            else:
                high = middle
        return _greedy(lengths, high)


def evenly(total: int, parts: int) -> list[int]:
    """Split a number into parts that differ by 1 at most, the larger ones spread evenly.

    # Examples

    >>> evenly(11, 4)
    [2, 3, 3, 3]
    """
    ends = [total * part // parts for part in range(parts + 1)] if parts else [0]
    return [end - start for start, end in pairwise(ends)]


def _greedy(lengths: Sequence[int], tokens: int) -> list[int]:
    """Split sentences into batches, each as large as a number of padded characters allows."""
    sizes: list[int] = []
    longest = 0
    for length in lengths:
        # An empty sentence occupies a position, too.
        longest = max(longest, length, 1)
        if sizes and longest * (sizes[-1] + 1) <= tokens:
            sizes[-1] += 1
        else:
            sizes.append(1)
            longest = max(length, 1)
    return sizes
