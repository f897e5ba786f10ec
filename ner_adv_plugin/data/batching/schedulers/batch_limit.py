"""How large a batch may be: in sentences, or in padded characters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError

DEFAULT_SENTENCES = 32


@dataclass(frozen=True)
class BatchLimit:
    """The size of a batch: so many sentences, or as many as fit.

    # Parameters

    sentences : sentences a batch; 32 where neither is given.
    tokens : padded characters a batch at most, that is sentences x the longest of them; a longer sentence makes a batch of
        its own.

    Raises `ConfigurationError`, at the keys `batch_size` and `max_tokens`, where both are given or one is below 1.
    """

    sentences: int | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if self.sentences is not None and self.tokens is not None:
            raise ConfigurationError(
                "batch_size and max_tokens both say how large a batch is: give one", "max_tokens"
            )
        for key, value in (("batch_size", self.sentences), ("max_tokens", self.tokens)):
            if value is not None and value < 1:
                raise ConfigurationError(f"expected 1 or more, found {value}", key)
        if self.tokens is None and self.sentences is None:
            object.__setattr__(self, "sentences", DEFAULT_SENTENCES)

    def count(self, sentences: int) -> int | None:
        """Batches that so many sentences make; None where their lengths decide."""
        return None if self.sentences is None else -(-sentences // self.sentences)

    def together(self, batches: int, lengths: NDArray[np.int64]) -> int:
        """About how many sentences of these lengths make so many batches, 1 at least."""
        if self.sentences is not None:
            return batches * self.sentences
        assert self.tokens is not None
        return max(1, int(batches * self.tokens * len(lengths) / max(1, int(lengths.sum()))))

    def cut(self, lengths: Sequence[int]) -> list[int]:
        """How many sentences each batch has, sentences of these lengths being laid one after the other: as many as it may."""
        if self.sentences is not None:
            full, rest = divmod(len(lengths), self.sentences)
            return [self.sentences] * full + ([rest] if rest else [])
        assert self.tokens is not None
        sizes: list[int] = []
        longest = 0
        for length in lengths:
            # An empty sentence takes a place too.
            longest = max(longest, length, 1)
            if sizes and longest * (sizes[-1] + 1) <= self.tokens:
                sizes[-1] += 1
            else:
                sizes.append(1)
                longest = max(length, 1)
        return sizes
