"""Targets: what heads and objectives learn from, made once for a dataset and cut into batches.

Shape suffixes: R sentences, N characters of all sentences, S spans.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PerSentence:
    """One value, or array of one shape, for each sentence; in a batch (B, ...).

    # Parameters

    values : `(R, ...)`.
    """

    values: NDArray[np.generic]
    fill = 0

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """The value of one sentence; `offsets` are `EncodedDataset.offsets`."""
        return np.asarray(self.values[sentence])


@dataclass(frozen=True)
class PerCharacter:
    """One value for each character; in a batch (B, L), 0 at padding.

    # Parameters

    values : `(N,)` all sentences one after another.
    """

    values: NDArray[np.generic]
    fill = 0

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """See `PerSentence.of`."""
        return self.values[offsets[sentence] : offsets[sentence + 1]]


@dataclass(frozen=True)
class PerSpan:
    """Any number of entries for each sentence; in a batch (B, most entries of a sentence, ...), filled up with -1.

    # Parameters

    values : `(S, ...)` all sentences one after another.
    counts : `(R,)` entries of each sentence.
    """

    values: NDArray[np.generic]
    counts: NDArray[np.integer]
    fill = -1

    def __post_init__(self) -> None:
        ends = np.cumsum(self.counts, dtype=np.int64)
        object.__setattr__(self, "_ends", ends)

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """See `PerSentence.of`."""
        end = int(self._ends[sentence])  # type: ignore[attr-defined]
        return self.values[end - int(self.counts[sentence]) : end]


Target: TypeAlias = PerSentence | PerCharacter | PerSpan
# By name.
Targets: TypeAlias = Mapping[str, Target]
