"""The alphabet of a Hugging Face tokenizer."""

from typing import Any

from ner_adv_plugin.data.alphabet import Alphabet

WORD_START = "▁"


class PieceAlphabet(Alphabet):
    """Gives each character the pieces that a tokenizer cuts it into when it stands alone.

    # Parameters

    tokenizer : a tokenizer of Hugging Face's.
    """

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(len(tokenizer), tokenizer.unk_token_id)
        self._tokenizer = tokenizer

    def pieces(self, character: str) -> tuple[int, ...]:
        """Piece indices of a character; the unknown one where the tokenizer leaves nothing, of a space say."""
        return self.pieces_of([character])[0]

    def pieces_of(self, characters: list[str]) -> list[tuple[int, ...]]:
        """See `Alphabet.pieces_of`: in one call of the tokenizer."""
        unknown = int(self._tokenizer.unk_token_id)
        # Half a surrogate pair is one that no tokenizer takes.
        taken = ["" if "\ud800" <= character <= "\udfff" else character for character in characters]
        sequences = self._tokenizer(taken, add_special_tokens=False)["input_ids"]
        ids = sorted({i for sequence in sequences for i in sequence})
        # SentencePiece puts a word start before a lone character: it says nothing about it.
        names = self._tokenizer.convert_ids_to_tokens(ids)
        silent = {i for i, name in zip(ids, names, strict=True) if name == WORD_START}
        return [
            tuple(i for i in sequence if i not in silent) or (unknown,) for sequence in sequences
        ]

    def expand(self, index: int) -> tuple[int, ...]:
        """The pieces behind an index."""
        return self.composites[index - self.size] if index >= self.size else (index,)

    def special_tokens(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and after a text."""
        bare = self._tokenizer("一", add_special_tokens=False)["input_ids"]
        whole = self._tokenizer("一")["input_ids"]
        for start in range(len(whole) - len(bare) + 1):
            if whole[start : start + len(bare)] == bare:
                return whole[:start], whole[start + len(bare) :]
        return [], []
