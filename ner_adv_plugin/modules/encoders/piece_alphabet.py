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
        super().__init__(len(tokenizer))
        self._tokenizer = tokenizer

    def pieces(self, character: str) -> tuple[int, ...]:
        """Piece indices of a character; the unknown one where the tokenizer leaves nothing, of a space say."""
        if "\ud800" <= character <= "\udfff":
            return (int(self._tokenizer.unk_token_id),)  # half a surrogate pair, which no tokenizer takes
        ids = self._tokenizer(character, add_special_tokens=False)["input_ids"]
        names = self._tokenizer.convert_ids_to_tokens(ids)
        # SentencePiece puts a word start before a lone character: it says nothing about it.
        kept = tuple(i for i, name in zip(ids, names, strict=True) if name != WORD_START)
        return kept or (int(self._tokenizer.unk_token_id),)

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
