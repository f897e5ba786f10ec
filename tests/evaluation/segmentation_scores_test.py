import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.labels.spans import SpanTable, tiling
from ner_adv_plugin.evaluation.segmentation_scores import segmentation_scores

# Text, lengths of predicted words, lengths of gold words.
Sentence = tuple[str, list[int], list[int]]


def scores(sentences: list[Sentence], known_words: set[str]) -> dict[str, float]:
    """Compute the scores of sentences."""
    predicted = SpanTable.of([tiling(lengths) for _, lengths, _ in sentences])
    gold = SpanTable.of([tiling(lengths) for _, _, lengths in sentences])
    return segmentation_scores(predicted, gold, [text for text, _, _ in sentences], known_words)


def words(text: str, lengths: list[int]) -> set[tuple[int, str]]:
    """Return the start and the characters of each word, computed naively."""
    found, start = set(), 0
    for length in lengths:
        found.add((start, text[start : start + length]))
        start += length
    return found


@st.composite
def segmented(draw: st.DrawFn) -> Sentence:
    text = draw(st.text("甲乙丙", max_size=8))

    def lengths() -> list[int]:
        found: list[int] = []
        while sum(found) < len(text):
            found.append(draw(st.integers(1, len(text) - sum(found))))
        return found

    return text, lengths(), lengths()


@given(
    sentences=st.lists(segmented(), max_size=4),
    known=st.sets(st.text("甲乙丙", min_size=1, max_size=2)),
)
def test_scores_equal_those_of_sets_of_words(sentences: list[Sentence], known: set[str]) -> None:
    predicted = {
        (i, *word) for i, (text, own, _) in enumerate(sentences) for word in words(text, own)
    }
    gold = {(i, *word) for i, (text, _, own) in enumerate(sentences) for word in words(text, own)}
    unknown = {word for word in gold if word[2] not in known}
    found = scores(sentences, known)
    assert found["precision"] == pytest.approx(
        len(predicted & gold) / max(len(predicted), 1), abs=1e-12
    )
    assert found["recall"] == pytest.approx(len(predicted & gold) / max(len(gold), 1), abs=1e-12)
    # F1 is twice the correct words over the sum of predicted and gold words.
    both = max(len(predicted) + len(gold), 1)
    assert found["f1"] == pytest.approx(2 * len(predicted & gold) / both, abs=1e-12)
    assert found["oov_recall"] == pytest.approx(
        len(predicted & unknown) / max(len(unknown), 1), abs=1e-12
    )
    assert found["oov_rate"] == pytest.approx(len(unknown) / max(len(gold), 1), abs=1e-12)


def test_unknown_words_by_hand() -> None:
    # gold: 甲乙 | 丙 | 丁戊 | 甲     predicted: 甲乙 | 丙丁 | 戊 | 甲     known: 丙, 甲
    found = scores([("甲乙丙丁戊甲", [2, 2, 1, 1], [2, 1, 2, 1])], {"丙", "甲"})
    assert found == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "oov_recall": 0.5,  # of 甲乙 and 丁戊 the first
        "oov_rate": 0.5,
    }


def test_scores_without_words_are_zero_without_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(scores([], set()).values()) == {0.0}
        found = scores([("甲", [1], [1])], {"甲"})
    assert (found["f1"], found["oov_recall"], found["oov_rate"]) == (1.0, 0.0, 0.0)


def test_numbers_of_texts_and_sentences_must_agree() -> None:
    table = SpanTable.of([tiling([2]), tiling([1])])
    with pytest.raises(ValueError, match="longer"):
        segmentation_scores(table, table, ["甲乙"], ())
