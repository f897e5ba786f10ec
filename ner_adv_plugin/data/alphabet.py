"""Alphabet: the index of every character for an encoder, one index a character."""

import numpy as np
from numpy.typing import NDArray

UNSEEN = -1


class Alphabet:
    """Maps characters to indices through a table over all code points.

    A character that the encoder's tokenizer cuts into several pieces gets an index of its own, at or above
    `size`, whose pieces are in `composites`.

    # Parameters

    size : number of piece indices.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.composites: list[tuple[int, ...]] = []
        self._table: NDArray[np.int32] = np.full(0x110000, UNSEEN, dtype=np.int32)

    def pieces(self, character: str) -> tuple[int, ...]:
        """The piece indices of one character; at least one."""
        raise NotImplementedError

    def encode(self, text: str) -> NDArray[np.int32]:
        """Index of each character of a text, (len(text),)."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        indices = self._table[points]
        if indices.size and indices.min() == UNSEEN:
            for point in np.unique(points[indices == UNSEEN]):
                self._table[point] = self._index(chr(point))
            indices = self._table[points]
        return indices

    def _index(self, character: str) -> int:
        pieces = self.pieces(character)
        if len(pieces) == 1:
            return pieces[0]
        self.composites.append(pieces)
        return self.size + len(self.composites) - 1


class CharacterAlphabet(Alphabet):
    """An alphabet of listed characters; others share the index of the unknown.

    # Parameters

    indices : index of each known character.
    unknown : index of all others.
    """

    def __init__(self, indices: dict[str, int], unknown: int) -> None:
        super().__init__(len(indices))
        self._indices = indices
        self._unknown = unknown

    def pieces(self, character: str) -> tuple[int, ...]:
        """One index."""
        return (self._indices.get(character, self._unknown),)
