"""Alphabet: the index of every character for an encoder, one index a character."""

import numpy as np
from numpy.typing import NDArray

UNSEEN = -1
CODE_POINTS = 0x110000


def code_points(text: str) -> NDArray[np.uint32]:
    """The code point of each character of a text, (len(text),)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


class Alphabet:
    """Maps characters to indices through a table over all code points.

    A character that the encoder's tokenizer cuts into several pieces gets an index of its own, at or above
    `size`, whose pieces are in `composites`.

    # Parameters

    size : number of piece indices.
    unknown : the piece that stands for whatever the encoder does not know; None where there is no such.
    """

    def __init__(self, size: int, unknown: int | None = None) -> None:
        self.size = size
        self.unknown = unknown
        self.composites: list[tuple[int, ...]] = []
        self._table: NDArray[np.int32] = np.full(CODE_POINTS, UNSEEN, dtype=np.int32)

    def pieces(self, character: str) -> tuple[int, ...]:
        """The piece indices of one character; at least one."""
        raise NotImplementedError

    def pieces_of(self, characters: list[str]) -> list[tuple[int, ...]]:
        """The piece indices of each of several characters; one by one where a subclass does not know better."""
        return [self.pieces(character) for character in characters]

    def knows(self, character: str) -> bool:
        """Whether the encoder tells this character from those that it does not know."""
        return self.unknown not in self.pieces(character)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Index of each character of a text, (len(text),)."""
        points = code_points(text)
        indices = self._table[points]
        if indices.size and indices.min() == UNSEEN:
            unseen = np.unique(points[indices == UNSEEN])
            pieces = self.pieces_of(list(map(chr, unseen.tolist())))
            self._table[unseen] = [self._index(own) for own in pieces]
            indices = self._table[points]
        return indices

    def _index(self, pieces: tuple[int, ...]) -> int:
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
        super().__init__(len(indices), unknown)
        self._indices = indices
        self._unknown = unknown

    def pieces(self, character: str) -> tuple[int, ...]:
        """One index."""
        return (self._indices.get(character, self._unknown),)
