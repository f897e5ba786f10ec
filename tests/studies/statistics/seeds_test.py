"""Tests over seeds, against scipy, enumeration and the noncentral t distribution."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ner_adv_plugin.studies.statistics.seeds import (
    detectable_difference,
    seeds_needed,
    sign_flip_p,
    smallest_p,
    student_interval,
    student_p,
)

DIFFERENCES = np.array([0.012, 0.021, -0.004, 0.018, 0.009])


def test_student_is_scipys() -> None:
    found = stats.ttest_1samp(DIFFERENCES, 0.0)
    assert student_p(DIFFERENCES) == pytest.approx(found.pvalue)
    assert student_interval(DIFFERENCES) == pytest.approx(tuple(found.confidence_interval(0.95)))


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=8))
def test_sign_flips_are_enumerated(values: list[int]) -> None:
    signs = list(product([1, -1], repeat=len(values)))
    sums = [abs(sum(s * v for s, v in zip(sign, values, strict=True))) for sign in signs]
    expected = sum(one >= abs(sum(values)) for one in sums) / len(signs)
    assert sign_flip_p(np.array(values) / 1000) == pytest.approx(expected)


def test_sign_flips_are_scipys() -> None:
    found = stats.permutation_test(
        (DIFFERENCES,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_p(DIFFERENCES) == pytest.approx(found.pvalue)


def test_the_smallest_p_of_five_seeds() -> None:
    assert smallest_p(5) == 0.0625
    assert sign_flip_p(np.full(5, 0.01)) == 0.0625
    many = np.full(15, 0.01)
    assert smallest_p(15) <= sign_flip_p(many) < 0.001


def test_one_seed_says_nothing_of_others() -> None:
    one = np.array([0.02])
    assert student_interval(one) == (-np.inf, np.inf)
    assert (student_p(one), seeds_needed(one)) == (1.0, None)
    assert detectable_difference(one) == np.inf


def test_differences_that_do_not_vary() -> None:
    assert student_p(np.zeros(4)) == 1.0
    assert student_p(np.full(4, 0.01)) == 0.0


@pytest.mark.parametrize("seeds", [5, 10, 30])
def test_the_detectable_difference_has_its_power(seeds: int) -> None:
    values = np.random.default_rng(0).normal(0, 0.01, seeds)
    spread = np.std(values, ddof=1)
    shift = detectable_difference(values) / spread * np.sqrt(seeds)
    limit = stats.t.ppf(0.975, seeds - 1)
    power = stats.nct.sf(limit, seeds - 1, shift)
    assert power == pytest.approx(0.8, abs=0.04)


def test_seeds_needed_is_the_smallest_number() -> None:
    values = DIFFERENCES
    needed = seeds_needed(values)
    assert needed is not None
    spread = np.std(values, ddof=1)

    def detectable(seeds: int) -> float:
        quantiles = stats.t.ppf(0.975, seeds - 1) + stats.t.ppf(0.8, seeds - 1)
        return float(quantiles * spread / np.sqrt(seeds))

    assert detectable(needed) <= 0.01 < detectable(needed - 1)
