import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.evaluation.segmentation_scores import SegmentationScorer

SCHEME = get_scheme("BMES", segmentation=True)
LABELS = SCHEME.labels()


def scores(rows: list[tuple[str, str, str]], known_words: set[str], batch_size: int = 10) -> dict[str, float]:
    """Scores of rows of text, predicted tags, gold tags."""
    scorer = SegmentationScorer(LABELS, SCHEME, known_words)
    for start in range(0, len(rows), batch_size):
        texts, *tags = ([row[column] for row in rows[start : start + batch_size]] for column in range(3))
        predicted, gold = (np.array([LABELS.index(tag) for tag in "".join(column)], dtype=np.int64) for column in tags)
        scorer.update(predicted, gold, [len(text) for text in texts], texts)
    return scorer.compute()


def words(text: str, tags: str) -> set[tuple[int, str]]:
    """Start and characters of each word: the plain way."""
    found, start = set(), 0
    for position in range(1, len(text) + 1):
        if position == len(text) or tags[position] in "BS" or tags[position - 1] in "ES":
            found.add((start, text[start:position]))
            start = position
    return found if text else set()


@st.composite
def segmented(draw: st.DrawFn) -> tuple[str, str, str]:
    text = draw(st.text("甲乙丙", max_size=8))
    tags = st.text("BMES", min_size=len(text), max_size=len(text))
    return text, draw(tags), draw(tags)


@given(rows=st.lists(segmented(), max_size=4), known=st.sets(st.text("甲乙丙", min_size=1, max_size=2)))
def test_scores_are_those_of_sets_of_words(rows: list[tuple[str, str, str]], known: set[str]) -> None:
    predicted = {(row, *word) for row, (text, tags, _) in enumerate(rows) for word in words(text, tags)}
    gold = {(row, *word) for row, (text, _, tags) in enumerate(rows) for word in words(text, tags)}
    unknown = {word for word in gold if word[2] not in known}
    found = scores(rows, known)
    assert found["precision"] == pytest.approx(len(predicted & gold) / max(len(predicted), 1), abs=1e-12)
    assert found["recall"] == pytest.approx(len(predicted & gold) / max(len(gold), 1), abs=1e-12)
    # F1 is twice what is right over all that was said and all that is there.
    both = max(len(predicted) + len(gold), 1)
    assert found["f1"] == pytest.approx(2 * len(predicted & gold) / both, abs=1e-12)
    assert found["oov_recall"] == pytest.approx(len(predicted & unknown) / max(len(unknown), 1), abs=1e-12)
    assert found["oov_rate"] == pytest.approx(len(unknown) / max(len(gold), 1), abs=1e-12)
    assert scores(rows, known, batch_size=1) == found


def test_unknown_words_by_hand() -> None:
    # gold: 甲乙 | 丙 | 丁戊 | 甲     predicted: 甲乙 | 丙丁 | 戊 | 甲     known: 丙, 甲
    found = scores([("甲乙丙丁戊甲", "BEBESS", "BESBES")], {"丙", "甲"})
    assert found == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
        "oov_recall": 0.5,  # of 甲乙 and 丁戊 the first
        "oov_rate": 0.5,
    }


def test_nothing_is_zero_without_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(scores([], set()).values()) == {0.0}
        found = scores([("甲", "S", "S")], {"甲"})
    assert (found["f1"], found["oov_recall"], found["oov_rate"]) == (1.0, 0.0, 0.0)


def test_sizes_must_fit() -> None:
    scorer = SegmentationScorer(LABELS, SCHEME, ())
    tags = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="do not fit"):
        scorer.update(tags, tags, [3], ["甲乙丙"])
    with pytest.raises(ValueError, match="not as long"):
        scorer.update(tags, tags, [2], ["甲乙丙"])
    with pytest.raises(ValueError, match="not as long"):
        scorer.update(tags, tags, [2], [])
