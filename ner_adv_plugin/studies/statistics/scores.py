"""Micro precision, recall and F1 from counts per sentence.

An undefined score (0 / 0) is NaN, neither 0 nor 1: callers report it as undefined.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.integer] | Floats


def f1_of(counts_xC: Counts) -> Floats:
    """F1 = 2 TP / (2 TP + FP + FN) of summed counts.

    # Parameters

    counts_xC : (..., 3) true positives, false positives and false negatives.

    # Returns

    (...) F1; NaN if there is nothing gold and nothing predicted.

    # Examples

    >>> f1_of(np.array([[3, 1, 1], [0, 0, 2]])).tolist()
    [0.75, 0.0]
    """
    tp, fp, fn = np.moveaxis(np.asarray(counts_xC, dtype=np.float64), -1, 0)
    return _ratio(2 * tp, 2 * tp + fp + fn)


def precision_of(counts_xC: Counts) -> Floats:
    """Precision = TP / (TP + FP) of summed counts; NaN if nothing is predicted. See `f1_of`."""
    tp, fp, _ = np.moveaxis(np.asarray(counts_xC, dtype=np.float64), -1, 0)
    return _ratio(tp, tp + fp)


def recall_of(counts_xC: Counts) -> Floats:
    """Recall = TP / (TP + FN) of summed counts; NaN if nothing is gold. See `f1_of`."""
    tp, _, fn = np.moveaxis(np.asarray(counts_xC, dtype=np.float64), -1, 0)
    return _ratio(tp, tp + fn)


def mean_difference(a_xSC: Counts, b_xSC: Counts) -> Floats:
    """Mean over seeds of F1 of `a` minus F1 of `b`.

    # Parameters

    a_xSC, b_xSC : (..., S, 3) counts summed over sentences, one entry per seed.

    # Returns

    (...) differences of F1.
    """
    return (f1_of(a_xSC) - f1_of(b_xSC)).mean(axis=-1)


def defined(score: Floats | float) -> float | None:
    """Return a score as JSON holds it; None if it is undefined."""
    return None if np.isnan(score) else float(score)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    undefined = np.full_like(denominator, np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)
