"""Label worth read off curves that are known."""

from math import inf

import numpy as np
import pytest

from ner_adv_plugin.studies.statistics import label_worth


def test_between_two_sizes_by_hand() -> None:
    # Linear in the logarithm: half the way from 100 to 400 is 200.
    found = label_worth([100, 400], np.array([[0.5, 0.7]]), 100, np.array([0.6]))
    assert found.equivalent == pytest.approx(200)
    assert found.factor == pytest.approx(2)
    assert found.interval == (0, inf)


def test_nothing_is_extrapolated() -> None:
    baseline = np.array([[0.5, 0.6, 0.7]] * 3)
    above = label_worth([100, 200, 400], baseline, 100, np.array([0.8] * 3))
    assert (above.equivalent, above.interval) == (inf, (inf, inf))
    below = label_worth([100, 200, 400], baseline, 100, np.array([0.4] * 3))
    assert (below.equivalent, below.interval) == (0, (0, 0))


def test_a_curve_that_falls_is_fitted_monotone() -> None:
    baseline = np.array([[0.5, 0.62, 0.58, 0.7]])
    found = label_worth([100, 200, 400, 800], baseline, 100, np.array([0.6]))
    assert 100 < found.equivalent <= 400


def test_a_power_law_is_recognised_and_inverted() -> None:
    sizes = [50, 100, 250, 500, 1000]
    curve = 0.8 - 2 * np.array(sizes) ** -0.5
    found = label_worth(sizes, curve[None].repeat(3, 0), 100, np.full(3, 0.8 - 2 * 300**-0.5))
    assert found.curve == "power law"
    assert found.equivalent == pytest.approx(300, rel=0.03)


@pytest.mark.parametrize("sizes", [[100], [100, 100], [200, 100]])
def test_sizes_that_make_no_curve(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="two or more rising sizes"):
        label_worth(sizes, np.ones((2, len(sizes))), 100, np.ones(2))
