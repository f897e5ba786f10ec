import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.alphabet import Alphabet, CharacterAlphabet


class Pieces(Alphabet):
    """Counts how often it is asked; a capital is two pieces."""

    def __init__(self) -> None:
        super().__init__(1000)
        self.asked: list[str] = []

    def pieces(self, character: str) -> tuple[int, ...]:
        self.asked.append(character)
        return (1, ord(character)) if character.isupper() else (ord(character) % 1000,)


@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_one_index_a_character(one: str, other: str) -> None:
    indices = {character: i for i, character in enumerate(sorted(set(one)))}
    alphabet = CharacterAlphabet(indices, unknown=len(indices))
    for text in (one, other, one + other):
        encoded = alphabet.encode(text)
        assert encoded.dtype == np.int32
        assert encoded.tolist() == [indices.get(character, len(indices)) for character in text]
    assert alphabet.composites == []


@pytest.mark.parametrize("text", ["", "\U0010ffff", "\x00", "\ud83d", "😀字a"])
def test_any_code_point(text: str) -> None:
    assert CharacterAlphabet({"字": 7}, unknown=1).encode(text).tolist() == [
        7 if c == "字" else 1 for c in text
    ]


def test_several_pieces_share_an_index_beyond_the_others() -> None:
    alphabet = Pieces()
    assert alphabet.encode("aAbBA").tolist() == [97, 1000, 98, 1001, 1000]
    assert alphabet.encode("Bc").tolist() == [1001, 99]
    assert alphabet.composites == [(1, 65), (1, 66)]
    assert sorted(alphabet.asked) == ["A", "B", "a", "b", "c"]
