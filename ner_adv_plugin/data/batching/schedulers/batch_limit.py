"""Batch limits: the maximum size of a batch, in sentences or in padded characters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    >>> BatchLimit(sentences=2).cut([5, 5, 5])
    [2, 1]
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
        for key, value in (("batch_size", self.sentences), ("max_tokens", self.tokens)):
            if value is not None and value < 1:
                raise ConfigurationError(f"expected 1 or more, found {value}", key)
        if self.tokens is None and self.sentences is None:
            object.__setattr__(self, "sentences", DEFAULT_SENTENCES)

    def count(self, sentences: int) -> int | None:
        """Return the number of batches of this many sentences; None if it depends on lengths."""
        return None if self.sentences is None else -(-sentences // self.sentences)

    def pool_size(self, batches: int, lengths: NDArray[np.int64]) -> int:
        """Return about how many sentences of these lengths fill a number of batches, at least 1."""
        if self.sentences is not None:
            return batches * self.sentences
        assert self.tokens is not None
        return max(1, int(batches * self.tokens * len(lengths) / max(1, int(lengths.sum()))))

    def cut(self, lengths: Sequence[int]) -> list[int]:
        """Split a sequence of sentences greedily into batches within the limit.

        # Parameters

        lengths : length of each sentence in characters, in order.

        # Returns

        The number of sentences in each batch.
        """
        if self.sentences is not None:
            full, rest = divmod(len(lengths), self.sentences)
            return [self.sentences] * full + ([rest] if rest else [])

        assert self.tokens is not None
        sizes: list[int] = []
        longest = 0
        for length in lengths:
            # An empty sentence occupies a position, too.
            longest = max(longest, length, 1)
            if sizes and longest * (sizes[-1] + 1) <= self.tokens:
                sizes[-1] += 1
            else:
                sizes.append(1)
                longest = max(length, 1)
        return sizes
