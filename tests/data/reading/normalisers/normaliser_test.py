"""Properties of all normalisers.

The encoder receives a text of the same length, character by character; all else uses the original.
"""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.namespaces import CHARACTERS, PADDING, UNKNOWN
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.reading.normalisers import (
    LowercaseNormaliser,
    MarkupNormaliser,
    NfkcNormaliser,
    Normaliser,
)
from ner_adv_plugin.data.vocabulary import Vocabulary
from tests.data.sentences import character_alphabet, ner_reader, sentences_of

CHARACTERWISE = [NfkcNormaliser(), LowercaseNormaliser()]
# All of Unicode, including surrogates and combining marks, and frequent characters.
texts = st.text(
    st.one_of(st.characters(categories=None), st.sampled_from("aＡİ①…㎏é\u0301ﾞ\ud83d\udc00😀<a>/ "))
)


class Doubling(Normaliser):
    def normalise(self, text: str) -> str:
        return 2 * text


@pytest.mark.parametrize("normaliser", CHARACTERWISE)
@given(one=texts, other=texts)
def test_characters_are_independent(normaliser: Normaliser, one: str, other: str) -> None:
    assert normaliser.normalise(one + other) == normaliser.normalise(one) + normaliser.normalise(
        other
    )
    assert len(normaliser.normalise(one)) == len(one)
    assert normaliser.normalise(normaliser.normalise(one)) == normaliser.normalise(one)


@given(texts)
def test_normalisers_are_applied_in_order(text: str) -> None:
    reader = DatasetReader(
        normalisers=[NfkcNormaliser(), LowercaseNormaliser(), MarkupNormaliser()]
    )
    expected = MarkupNormaliser().normalise(
        LowercaseNormaliser().normalise(NfkcNormaliser().normalise(text))
    )
    assert reader.shown(text) == expected and len(expected) == len(text)
    assert reader.text_to_instance(text).text == text


def test_order_matters() -> None:
    only_lower_case = MarkupNormaliser("[a-z]")
    assert DatasetReader(normalisers=[only_lower_case, LowercaseNormaliser()]).shown("Ab") == "a "
    assert DatasetReader(normalisers=[LowercaseNormaliser(), only_lower_case]).shown("Ab") == "  "


def test_without_normalisers_the_text_is_unchanged() -> None:
    text = string.printable + "Ａ\ud800"
    assert DatasetReader().shown(text) is text


def test_a_normaliser_that_changes_the_length() -> None:
    reader = DatasetReader(normalisers=[LowercaseNormaliser(), Doubling()])
    assert reader.shown("") == ""
    with pytest.raises(
        UserError, match="Doubling returned 4 characters for a text of 2: expected the same number"
    ):
        reader.shown("甲乙")


def test_config() -> None:
    settings = {"type": "conll", "normalisers": ["nfkc", {"type": "markup", "pattern": "#"}]}
    assert construct(DatasetReader, settings).normalisers == [
        NfkcNormaliser(),
        MarkupNormaliser("#"),
    ]
    with pytest.raises(
        ConfigurationError, match='"nfk" is not a registered Normaliser. Did you mean "nfkc"?'
    ):
        construct(DatasetReader, {"type": "conll", "normalisers": ["nfk"]})


def test_the_vocabulary_has_the_normalised_characters() -> None:
    reader = ner_reader("a")
    reader.normalisers = [NfkcNormaliser(), LowercaseNormaliser()]
    sentences = sentences_of(("Ａb①", "B-PER I-PER O"), ("Ｂ", "O"))
    vocab = Vocabulary.from_instances({"train": {"a": sentences}}, {"a": reader})
    assert list(vocab.get_token_to_index_vocabulary(CHARACTERS)) == [
        PADDING,
        UNKNOWN,
        "1",
        "a",
        "b",
    ]
    encoded = EncodedDataset("a", sentences, vocab, character_alphabet(vocab), reader.shown)
    assert encoded.token_ids.tolist() == [3, 4, 2, 4]
    assert [sentence.text for sentence in sentences] == [
        "Ａb①",
        "Ｂ",
    ] and encoded.lengths.tolist() == [3, 1]
