"""Targets: what heads and objectives are trained on, built once per dataset and split into batches.

Shapes: R sentences of a dataset, N characters of all sentences, S spans of all sentences; in a
batch B sentences, L characters of the longest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PerSentence:
    """One value, or one array of a fixed shape, per sentence; (B, ...) in a batch.

    # Parameters

    values : (R, ...).
    """

    values: NDArray[np.generic]
    fill = 0

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """Return the values of one sentence.

        # Parameters

        sentence : its index in the dataset.
        offsets : index of the first character of each sentence, (R + 1,); see
            `EncodedDataset.offsets`.
        """
        return np.asarray(self.values[sentence])


@dataclass(frozen=True)
class PerCharacter:
    """One value per character; (B, L) in a batch, 0 at padding.

    # Parameters

    values : (N,), the sentences concatenated.
    """

    values: NDArray[np.generic]
    fill = 0

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """See `PerSentence.of`."""
        return self.values[offsets[sentence] : offsets[sentence + 1]]


@dataclass(frozen=True)
class PerSpan:
    """Any number of entries per sentence, for instance spans.

    In a batch the tensor is (B, largest number of entries of a sentence, ...), padded with -1.

    # Parameters

    values : (S, ...), the sentences concatenated.
    counts : number of entries of each sentence, (R,).
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
# Targets by name.
Targets: TypeAlias = Mapping[str, Target]
