import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data import alphabet as alphabet_module
from ner_adv_plugin.data.alphabet import Alphabet, CharacterAlphabet, code_points, distinct


class RecordingAlphabet(Alphabet):
    """Records the characters looked up; a capital letter has two subwords."""

    def __init__(self) -> None:
        super().__init__(1000)
        self.looked_up: list[str] = []

    def pieces(self, character: str) -> tuple[int, ...]:
        self.looked_up.append(character)
        return (1, ord(character)) if character.isupper() else (ord(character) % 1000,)


@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_one_index_per_character(one: str, other: str) -> None:
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


def test_several_subwords_get_one_extra_index() -> None:
    alphabet = RecordingAlphabet()
    assert alphabet.encode("aAbBA").tolist() == [97, 1000, 98, 1001, 1000]
    assert alphabet.encode("Bc").tolist() == [1001, 99]
    assert alphabet.composites == [(1, 65), (1, 66)]
    assert sorted(alphabet.looked_up) == ["A", "B", "a", "b", "c"]


@given(st.text(st.characters(), max_size=30), st.sampled_from([0, 10, 1000]))
def test_distinct_characters_are_marked_or_sorted(text: str, many: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alphabet_module, "_MANY", many)
        found = distinct(code_points(text))
    assert found.tolist() == sorted(set(map(ord, text)))
