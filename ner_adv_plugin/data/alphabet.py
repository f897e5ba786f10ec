"""Character vocabulary of an encoder: exactly one index for every character.

Shape suffixes: L characters of a text, U distinct characters without an index so far.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

UNSEEN = -1
CODE_POINTS = 0x110000
# From this number of code points, marking them is faster than sorting them.
_MANY = 100_000
# Any number of rows of each of several texts: the rows of all texts, and their number by text.
Rows: TypeAlias = tuple[NDArray[Any], NDArray[np.int64]]


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the `(L,)` code points of a text of L characters."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def distinct(points: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the distinct code points in ascending order."""
    if len(points) < _MANY:
        return np.unique(points).astype(np.int64)
    seen = np.zeros(CODE_POINTS, dtype=bool)
    seen[points] = True
    return np.flatnonzero(seen)


class Alphabet:
    """Base class of character vocabularies; maps characters to indices with a lookup table.

    A character that the encoder's tokenizer splits into several subwords gets an extra index, at or
    above `size`; its subwords are stored in `composites`.

    # Parameters

    size : number of subword indices.
    unknown : index of the unknown subword; None if the encoder has none.
    """

    # Whether `inputs` returns anything.
    has_inputs = False

    def __init__(self, size: int, unknown: int | None = None) -> None:
        self.size = size
        self.unknown = unknown
        self.composites: list[tuple[int, ...]] = []
        self._table: NDArray[np.int32] = np.full(CODE_POINTS, UNSEEN, dtype=np.int32)

    def pieces(self, character: str) -> tuple[int, ...]:
        """Return the subword indices of a character, at least one."""
        raise NotImplementedError

    def pieces_of(self, characters: list[str]) -> list[tuple[int, ...]]:
        """Return the subword indices of each of several characters.

        Calls `pieces` for each character; a subclass may override it with a faster batched lookup.
        """
        return [self.pieces(character) for character in characters]

    def knows(self, character: str) -> bool:
        """Whether the encoder distinguishes a character from unknown ones."""
        return self.unknown not in self.pieces(character)

    def inputs(self, texts: Sequence[str]) -> Mapping[str, Rows]:
        """Return what the encoder reads of texts besides their characters; by default nothing.

        # Parameters

        texts : sentences as the encoder sees them.

        # Returns

        Rows by name, which become `Batch.inputs`.
        """
        return {}

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return the `(L,)` character indices of a text of L characters."""
        points_L = code_points(text)
        indices_L = self._table[points_L]

        if indices_L.size and indices_L.min() == UNSEEN:
            unseen_U = distinct(points_L[indices_L == UNSEEN])
            subwords = self.pieces_of(list(map(chr, unseen_U.tolist())))
            self._table[unseen_U] = [self._index(of_character) for of_character in subwords]
            indices_L = self._table[points_L]
        return indices_L

    def _index(self, subwords: tuple[int, ...]) -> int:
        """Return the only subword, or a new index for a sequence of several."""
        if len(subwords) == 1:
            return subwords[0]
        self.composites.append(subwords)
        return self.size + len(self.composites) - 1


class CharacterAlphabet(Alphabet):
    """A vocabulary of listed characters; all others share one index.

    # Parameters

    indices : index of each known character.
    unknown : index of all other characters.

    # Examples

    >>> CharacterAlphabet({"北": 2, "京": 3}, unknown=1).encode("北京市").tolist()
    [2, 3, 1]
    """

    def __init__(self, indices: dict[str, int], unknown: int) -> None:
        super().__init__(len(indices), unknown)
        self._indices = indices
        self._unknown = unknown

    def pieces(self, character: str) -> tuple[int, ...]:
        """Return the index of a character as a tuple of one."""
        return (self._indices.get(character, self._unknown),)
