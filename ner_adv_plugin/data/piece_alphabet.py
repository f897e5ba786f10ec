"""Character vocabulary of a Hugging Face tokenizer.

Shape suffixes: B sequences, L characters, P subwords.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.alphabet import Alphabet

WORD_START = "▁"


class PieceAlphabet(Alphabet):
    """Map each character to the subwords into which a tokenizer splits it on its own.

    # Parameters

    tokenizer : a Hugging Face tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(len(tokenizer), tokenizer.unk_token_id)
        self._tokenizer = tokenizer

    def pieces(self, character: str) -> tuple[int, ...]:
        """Subword indices of a character.

        The unknown token if the tokenizer returns nothing, for example for a space.
        """
        return self.pieces_of([character])[0]

    def pieces_of(self, characters: list[str]) -> list[tuple[int, ...]]:
        """See `Alphabet.pieces_of`: a single call of the tokenizer."""
        unknown = int(self._tokenizer.unk_token_id)
        # Tokenizers fail on lone surrogates.
        texts = ["" if "\ud800" <= character <= "\udfff" else character for character in characters]
        sequences = self._tokenizer(texts, add_special_tokens=False)["input_ids"]

        # SentencePiece puts a word start before a lone character, which carries no information.
        ids = sorted({i for sequence in sequences for i in sequence})
        names = self._tokenizer.convert_ids_to_tokens(ids)
        word_starts = {i for i, name in zip(ids, names, strict=True) if name == WORD_START}
        return [
            tuple(i for i in sequence if i not in word_starts) or (unknown,)
            for sequence in sequences
        ]

    def expand(self, index: int) -> tuple[int, ...]:
        """Subword indices of a character, given its index in the vocabulary."""
        return self.composites[index - self.size] if index >= self.size else (index,)

    def expanded(
        self, ids_BL: NDArray[np.int64], lengths: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
        """Replace characters by their subwords.

        # Parameters

        ids_BL : indices of characters.
        lengths : number of characters of each sequence.

        # Returns

        Indices of subwords and the character of each, both (B, P) with 0 at padding, and the number
        of subwords of each sequence.
        """
        sequences = [
            [self.expand(index) for index in ids_L[:length].tolist()]
            for ids_L, length in zip(ids_BL, lengths, strict=True)
        ]
        sizes = [sum(map(len, sequence)) for sequence in sequences]
        ids_BP = np.zeros((len(sequences), max(sizes, default=0)), dtype=np.int64)
        character_BP = np.zeros_like(ids_BP)

        for i, sequence in enumerate(sequences):
            ids_BP[i, : sizes[i]] = [subword for subwords in sequence for subword in subwords]
            counts = [len(subwords) for subwords in sequence]
            character_BP[i, : sizes[i]] = np.repeat(np.arange(len(sequence)), counts)
        return ids_BP, character_BP, sizes

    def special_tokens(self) -> tuple[list[int], list[int]]:
        """Special tokens that the tokenizer adds before and after a text."""
        without = self._tokenizer("一", add_special_tokens=False)["input_ids"]
        whole = self._tokenizer("一")["input_ids"]

        for start in range(len(whole) - len(without) + 1):
            if whole[start : start + len(without)] == without:
                return whole[:start], whole[start + len(without) :]
        return [], []
