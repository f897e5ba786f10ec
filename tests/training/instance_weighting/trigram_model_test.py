"""Trigram models against the formula in plain Python."""

from collections import Counter
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.training.instance_weighting.trigram_model import TrigramModel
from tests.data.sentences import character_alphabet, encoded, ner_reader

CORPUS = ["甲乙丙", "甲乙甲乙丁", "", "丙"]
# Two characters are not in the corpus, one is in no vocabulary.
texts = st.text("甲乙丙丁戊己?", max_size=7)


def sentences_of(corpus: list[str], others: list[str]) -> tuple[EncodedDataset, EncodedDataset]:
    train = {"corpus": [Instance(t, []) for t in corpus], "known": [Instance("戊己", [])]}
    vocab = Vocabulary.from_instances({"train": train}, {name: ner_reader(name) for name in train})
    alphabet = character_alphabet(vocab)
    labelled = ([Instance(t, []) for t in own] for own in (corpus, others))
    first, second = (EncodedDataset("corpus", own, vocab, alphabet) for own in labelled)
    return first, second


def naive(corpus: list[str], text: str) -> float:
    """Compute the cross-entropy by counting substrings."""
    padded = ["\n\n" + own for own in corpus]
    grams = {
        n: Counter(own[i - n + 1 : i + 1] for own in padded for i in range(2, len(own)))
        for n in (1, 2, 3)
    }
    bits = 0.0
    known = "\n\n" + text
    for end in range(2, len(known)):
        probability = 1 / (len(grams[1]) + 1)
        for n in (1, 2, 3):
            gram = known[end - n + 1 : end + 1]
            followed = {own: count for own, count in grams[n].items() if own[:-1] == gram[:-1]}
            if followed:
                total, distinct = sum(followed.values()), len(followed)
                probability = (grams[n][gram] + distinct * probability) / (total + distinct)
        bits -= log2(probability)
    return bits / max(len(text), 1)


@given(
    st.lists(texts.map(lambda text: text.replace("?", "")), min_size=1, max_size=5),
    st.lists(texts, max_size=4),
)
def test_cross_entropy_equals_the_formula(corpus: list[str], others: list[str]) -> None:
    own, sentences = sentences_of(corpus, others)
    assert TrigramModel(own).cross_entropy(sentences) == pytest.approx(
        [naive(corpus, text) for text in others]
    )


def test_by_hand() -> None:
    own, sentences = sentences_of(["甲"], ["甲", "乙"])
    # One known character and one for all others: 1/2; then (1 + 1 x 1/2) / (1 + 1) for each longer
    # context.
    p, q = 0.5, 0.5
    for _ in range(3):
        p, q = (1 + p) / 2, q / 2
    assert TrigramModel(own).cross_entropy(sentences) == pytest.approx([-log2(p), -log2(q)])
    assert p + q == 1.0


def test_after_any_context_probabilities_sum_to_one() -> None:
    for context in ("", "甲", "甲乙", "乙丙", "戊戊"):
        own, sentences = sentences_of(CORPUS, [context, *(context + c for c in "甲乙丙丁戊")])
        bits = TrigramModel(own).cross_entropy(sentences) * sentences.lengths
        assert np.exp2(bits[0] - bits[1:]).sum() == pytest.approx(1.0)


def test_sentences_of_the_corpus_fit_best() -> None:
    sentences = encoded({"a": [Instance("甲乙丙丁", [])], "b": [Instance("丁丙乙甲", [])]})
    model = TrigramModel(sentences["a"])
    assert model.cross_entropy(sentences["a"])[0] < model.cross_entropy(sentences["b"])[0]
