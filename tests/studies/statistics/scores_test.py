"""F1 of counts, by hand and against scikit-learn's definition."""

import numpy as np
import pytest

from ner_adv_plugin.studies.statistics.scores import (
    f1_of,
    mean_difference,
    precision_of,
    recall_of,
)


def test_by_hand() -> None:
    counts = np.array([6, 2, 4])
    assert precision_of(counts) == pytest.approx(6 / 8)
    assert recall_of(counts) == pytest.approx(6 / 10)
    assert f1_of(counts) == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))


def test_nothing_gold_and_nothing_predicted_is_undefined() -> None:
    assert np.isnan(f1_of(np.zeros(3)))
    assert np.isnan(precision_of(np.array([0, 0, 3])))
    assert np.isnan(recall_of(np.array([0, 3, 0])))
    assert f1_of(np.array([0, 0, 3])) == 0


def test_mean_difference_is_paired() -> None:
    a, b = np.array([[1, 0, 0], [0, 1, 1]]), np.array([[1, 1, 1], [1, 1, 1]])
    assert mean_difference(a, b) == pytest.approx(((1 - 0.5) + (0 - 0.5)) / 2)
