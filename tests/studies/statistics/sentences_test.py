"""Tests over sentences, against enumeration and plain implementations."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from ner_adv_plugin.studies.statistics.scores import f1_of, mean_difference
from ner_adv_plugin.studies.statistics.sentences import (
    approximate_randomisation,
    f1_interval,
    sentence_interval,
)


def some_counts(seeds: int, sentences: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(1, 4, sentences)
    arms = []
    for found in (0.8, 0.6):
        tp = rng.binomial(gold, found, (seeds, sentences))
        arms.append(np.stack([tp, rng.poisson(0.4, tp.shape), gold - tp], axis=-1))
    return arms[0], arms[1]


def plain_difference(a: np.ndarray, b: np.ndarray) -> float:
    scores = []
    for of_a, of_b in zip(a, b, strict=True):
        values = []
        for counts in (of_a, of_b):
            tp, fp, fn = counts.sum(axis=0)
            values.append(2 * tp / (2 * tp + fp + fn))
        scores.append(values[0] - values[1])
    return float(np.mean(scores))


@pytest.mark.parametrize("seeds", [1, 3])
def test_randomisation_is_near_the_enumeration_of_all_swaps(seeds: int) -> None:
    a, b = some_counts(seeds, 9)
    observed = abs(plain_difference(a, b))
    as_extreme = 0
    for swaps in product([False, True], repeat=a.shape[1]):
        mask = np.array(swaps)[None, :, None]
        swapped = plain_difference(np.where(mask, b, a), np.where(mask, a, b))
        as_extreme += abs(swapped) >= observed - 1e-12
    exact = as_extreme / 2 ** a.shape[1]
    assert approximate_randomisation(a, b, rounds=40_000) == pytest.approx(exact, abs=0.01)


def test_randomisation_of_equal_arms_and_of_clear_differences() -> None:
    a, b = some_counts(2, 200)
    assert approximate_randomisation(a, a, rounds=200) == 1.0
    assert approximate_randomisation(a, b, rounds=999) == pytest.approx(0.001)
    assert approximate_randomisation(b, a, rounds=999) == pytest.approx(0.001)


def test_seeds_that_repeat_one_another_are_no_evidence() -> None:
    a, b = some_counts(1, 30, seed=5)
    once = approximate_randomisation(a, b, rounds=20_000)
    thrice = approximate_randomisation(a.repeat(3, 0), b.repeat(3, 0), rounds=20_000)
    assert thrice == pytest.approx(once, abs=0.015)


def test_interval_is_that_of_a_plain_bca_bootstrap() -> None:
    a, b = some_counts(2, 40)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(6000):
        chosen = rng.integers(0, 40, 40)
        drawn.append(plain_difference(a[:, chosen], b[:, chosen]))
    observed = plain_difference(a, b)
    without = [
        plain_difference(np.delete(a, i, axis=1), np.delete(b, i, axis=1)) for i in range(40)
    ]
    deviations = np.mean(without) - np.array(without)
    acceleration = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    bias = stats.norm.ppf(np.mean(np.array(drawn) < observed))
    ends = []
    for z in stats.norm.ppf([0.025, 0.975]):
        tail = stats.norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))
        ends.append(np.quantile(drawn, tail))
    assert sentence_interval(a, b, rounds=6000) == pytest.approx(ends, abs=0.012)


def test_interval_of_arms_that_do_not_differ() -> None:
    a, _ = some_counts(2, 20)
    assert sentence_interval(a, a, rounds=100) == (0, 0)


def test_mean_difference_agrees_with_the_plain_one() -> None:
    a, b = some_counts(3, 12)
    assert mean_difference(a.sum(1), b.sum(1)) == pytest.approx(plain_difference(a, b))
    assert f1_of(a.sum(1)).shape == (3,)


def test_the_interval_of_one_model_is_near_a_plain_bootstrap() -> None:
    counts = some_counts(1, 300)[0][0]
    rng = np.random.default_rng(1)
    scores = []
    for _ in range(3000):
        tp, fp, fn = sum(counts[i] for i in rng.integers(0, len(counts), len(counts)))
        scores.append(2 * tp / (2 * tp + fp + fn))
    ends = tuple(np.quantile(scores, [0.025, 0.975]))
    assert f1_interval(counts, rounds=6000) == pytest.approx(ends, abs=0.006)
    narrow = f1_interval(counts, level=0.5, rounds=1000)
    assert ends[0] < narrow[0] < narrow[1] < ends[1]


def test_intervals_of_one_model_without_variation() -> None:
    assert f1_interval(np.array([[2, 0, 0]] * 5)) == (1, 1)
    assert f1_interval(np.array([[0, 1, 0], [0, 0, 2]]), rounds=100) == (0, 0)
    assert all(np.isnan(f1_interval(np.zeros((4, 3), dtype=int))))
