"""The character vocabulary of an encoder with a lexicon."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.alphabet import Alphabet, Rows
from ner_adv_plugin.data.lexicon.lexicon import Lexicon

WORDS, TYPES = "words", "types"


class LexiconAlphabet(Alphabet):
    """A character vocabulary that also finds the words of a lexicon.

    # Parameters

    alphabet : the character vocabulary of the encoder.
    lexicon : the words.
    """

    has_inputs = True

    def __init__(self, alphabet: Alphabet, lexicon: Lexicon) -> None:
        # Without the table of `Alphabet`: characters are looked up in that of `alphabet`.
        self._alphabet = alphabet
        self.lexicon = lexicon
        self.size = alphabet.size
        self.unknown = alphabet.unknown
        self.composites = alphabet.composites

    def pieces(self, character: str) -> tuple[int, ...]:
        """See `Alphabet.pieces`."""
        return self._alphabet.pieces(character)

    def pieces_of(self, characters: list[str]) -> list[tuple[int, ...]]:
        """See `Alphabet.pieces_of`."""
        return self._alphabet.pieces_of(characters)

    def knows(self, character: str) -> bool:
        """See `Alphabet.knows`."""
        return self._alphabet.knows(character)

    def encode(self, text: str) -> NDArray[np.int32]:
        """See `Alphabet.encode`."""
        return self._alphabet.encode(text)

    def inputs(self, texts: Sequence[str]) -> dict[str, Rows]:
        """See `Alphabet.inputs`: the matches of words and typed words; see `Lexicon.matches`."""
        finders = {
            WORDS: self.lexicon.matches if self.lexicon.frequencies else None,
            TYPES: self.lexicon.typed_matches if self.lexicon.typed else None,
        }
        found = dict(self._alphabet.inputs(texts))
        for name, find in finders.items():
            if find is not None:
                matches = [find(text) for text in texts]
                counts = np.array([len(rows) for rows in matches], np.int64)
                # Of no texts, no matches.
                found[name] = np.concatenate([find(""), *matches]), counts
        return found
