import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ner_adv_plugin.evaluation.ner_scores import NerScorer
from seqeval.metrics import classification_report, f1_score, precision_score, recall_score
from seqeval.scheme import BILOU, IOB2, IOBES

from ner_adv_plugin.data.labels.tag_schemes import get_scheme
from ner_adv_plugin.evaluation import ner_scores

TYPES = ["LOC", "ORG", "PER.NAM"]
SEQEVAL = {"BIO": IOB2, "BIOES": IOBES, "BILOU": BILOU}
Rows = list[list[str]]


def scores(name: str, predicted: Rows, gold: Rows, batch_size: int = 2) -> dict[str, float]:
    scheme = get_scheme(name)
    labels = scheme.labels(TYPES)
    scorer = NerScorer(labels, scheme)
    for start in range(0, len(gold), batch_size):
        batch = [rows[start : start + batch_size] for rows in (predicted, gold)]
        tags = [[labels.index(tag) for row in rows for tag in row] for rows in batch]
        lengths = [len(row) for row in batch[1]]
        scorer.update(np.array(tags[0], dtype=np.int64), np.array(tags[1], dtype=np.int64), lengths)
    return scorer.compute()


@st.composite
def tagged(draw: st.DrawFn, name: str) -> tuple[Rows, Rows]:
    """Predicted and gold rows: gold legal or not, predictions near it or anything."""
    scheme = get_scheme(name)
    tag = st.sampled_from(scheme.labels(TYPES[: draw(st.integers(1, 3))]))
    gold = draw(st.lists(st.lists(tag, min_size=1, max_size=10), min_size=1, max_size=5))
    if draw(st.booleans()):
        gold = [scheme.repair(row)[0] for row in gold]
    keep = st.integers(0, 3)
    predicted = [[old if draw(keep) else draw(tag) for old in row] for row in gold]
    return predicted, gold


@pytest.mark.parametrize("name", SEQEVAL)
@given(data=st.data())
def test_strict_scores_are_seqeval_strict(name: str, data: st.DataObject) -> None:
    predicted, gold = data.draw(tagged(name))
    found = scores(name, predicted, gold)
    for key, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        reference = score(gold, predicted, mode="strict", scheme=SEQEVAL[name], zero_division=0)
        assert found[key] == pytest.approx(reference, abs=1e-12)


@pytest.mark.parametrize("name", SEQEVAL)
@given(data=st.data())
def test_strict_scores_of_types_are_seqeval_strict(name: str, data: st.DataObject) -> None:
    predicted, gold = data.draw(tagged(name))
    found = scores(name, predicted, gold)
    options = {"mode": "strict", "scheme": SEQEVAL[name], "zero_division": 0}
    # seqeval cannot report on rows without a single entity.
    report = classification_report(gold, predicted, output_dict=True, **options) if found["recall"] else {}
    for kind in TYPES if report else []:
        reference = report[kind]["f1-score"] if kind in report else 0.0
        assert found[f"f1_{kind}"] == pytest.approx(reference, abs=1e-12)


@pytest.mark.parametrize("name", ["BIO", "BIOES"])
@given(data=st.data())
def test_lenient_score_is_seqeval_default(name: str, data: st.DataObject) -> None:
    predicted, gold = data.draw(tagged(name))
    assert scores(name, predicted, gold)["lenient_f1"] == pytest.approx(
        f1_score(gold, predicted, zero_division=0), abs=1e-12
    )


def test_entity_that_is_not_opened_counts_only_leniently() -> None:
    found = scores("BIO", [["I-LOC", "I-LOC"]], [["B-LOC", "I-LOC"]])
    assert found["lenient_f1"] == 1.0
    assert found["f1"] == found["precision"] == found["recall"] == found["f1_LOC"] == 0.0


def test_scores_by_hand() -> None:
    gold = [["B-LOC", "I-LOC", "O", "B-ORG"], ["B-LOC", "O"]]
    predicted = [["B-LOC", "I-LOC", "O", "B-LOC"], ["O", "O"]]
    assert scores("BIO", predicted, gold) == {
        "f1": pytest.approx(0.4),  # 1 of 2 predicted, 1 of 3 there
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
        "lenient_f1": pytest.approx(0.4),
        "f1_LOC": 0.5,
        "f1_ORG": 0.0,
        "f1_PER.NAM": 0.0,
    }


@pytest.mark.parametrize("rows", [[], [["O", "O"]]])
def test_nothing_to_find_is_zero_without_warning(rows: Rows) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = scores("BIO", rows, rows)
    assert set(found.values()) == {0.0}
    assert all(type(value) is float for value in found.values())


def test_labels_without_types() -> None:
    scorer = NerScorer(["O"], get_scheme("BIO"))
    scorer.update(np.zeros(3, np.int64), np.zeros(3, np.int64), [1, 2])
    assert scorer.compute() == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "lenient_f1": 0.0}


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    gold = [["B-LOC", "I-LOC"], ["I-LOC", "B-ORG", "O"], ["B-ORG"], ["O", "B-LOC"]]
    predicted = [["B-LOC", "I-LOC"], ["I-LOC", "B-LOC", "O"], ["B-ORG"], ["B-LOC", "I-LOC"]]
    whole = scores("BIO", predicted, gold, batch_size=4)
    assert scores("BIO", predicted, gold, batch_size=1) == whole
    monkeypatch.setattr(ner_scores, "MAX_WAITING", 1)
    assert scores("BIO", predicted, gold, batch_size=1) == whole


def test_compute_again_and_reset() -> None:
    scheme = get_scheme("BIO")
    scorer = NerScorer(scheme.labels(["X"]), scheme)
    tags = np.array([1, 2])
    scorer.update(tags, tags, [2])
    assert scorer.compute() == scorer.compute()
    tags[:] = 0  # the scorer keeps a copy
    assert scorer.compute()["f1"] == 1.0
    scorer.reset()
    assert scorer.compute()["f1"] == 0.0


@pytest.mark.parametrize(("predicted", "gold", "lengths"), [(2, 3, [3]), (3, 3, [2]), (3, 3, [])])
def test_sizes_must_fit(predicted: int, gold: int, lengths: Sequence[int]) -> None:
    scorer = NerScorer(["O"], get_scheme("BIO"))
    with pytest.raises(ValueError, match="do not fit"):
        scorer.update(np.zeros(predicted, np.int64), np.zeros(gold, np.int64), lengths)
