"""Targets: what heads and objectives are trained on, built once per dataset and split into batches.

Shapes: R sentences of a dataset, N characters of all sentences, S spans of all sentences; in a
batch B sentences, L characters of the longest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray


class Target:
    """Base class of targets: the values of every sentence of a dataset.

    # Attributes

    fill : the value at padding.
    per_character : whether there is one value, or array, per character.
    """

    fill: int = 0
    per_character: bool = False

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """Return the values of one sentence.

        # Parameters

        sentence : its index in the dataset.
        offsets : index of the first character of each sentence, (R + 1,); see
            `EncodedDataset.offsets`.
        """
        raise NotImplementedError

    def units(self, sentence: int) -> int | None:
        """Return the units of a sentence by which the loss of its owner is normalised.

        The sum over the global batch is in `Batch.units`, under the name of the owner; None, the
        default, adds nothing.
        """
        return None

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Draw the values of an epoch, by default nothing; they depend on these numbers only.

        # Parameters

        seed : of the run.
        epoch : index of the epoch.
        """


@dataclass(frozen=True)
class PerSentence(Target):
    """One value, or one array of a fixed shape, per sentence; (B, ...) in a batch.

    # Parameters

    values : (R, ...).
    """

    values: NDArray[np.generic]

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """See `Target.of`."""
        return np.asarray(self.values[sentence])


@dataclass(frozen=True)
class Counted(PerSentence):
    """Whole numbers, one per sentence, by whose sum the loss of the owner is normalised.

    # Parameters

    values : (R,).
    """

    def units(self, sentence: int) -> int:
        """See `Target.units`."""
        return int(np.asarray(self.values[sentence]))


@dataclass(frozen=True)
class PerCharacter(Target):
    """One value, or array of a fixed shape, per character; (B, L, ...) in a batch, 0 at padding.

    # Parameters

    values : (N, ...), the sentences concatenated.
    """

    values: NDArray[np.generic]
    per_character = True

    def of(self, sentence: int, offsets: NDArray[np.int64]) -> NDArray[np.generic]:
        """See `Target.of`."""
        return self.values[offsets[sentence] : offsets[sentence + 1]]


@dataclass(frozen=True)
class PerSpan(Target):
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
        """See `Target.of`."""
        end = int(self._ends[sentence])  # type: ignore[attr-defined]
        return self.values[end - int(self.counts[sentence]) : end]


# Targets by name.
Targets: TypeAlias = Mapping[str, Target]
