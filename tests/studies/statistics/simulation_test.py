"""A short simulation; `python -m tests.studies.statistics.simulation` is the long one."""

import pytest

from tests.studies.statistics.simulation import label_worth_covers, null_studies, power

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("interaction", "of_seeds"), [(0.3, 0.1), (1.0, 0.2)])
def test_studies_without_an_effect(interaction: float, of_seeds: float) -> None:
    found = null_studies(200, 5, interaction, of_seeds)
    # Two standard errors of 200 studies are 3 and 3.5 points.
    assert found.decided <= 0.05 + 0.031
    assert found.student_covers == pytest.approx(0.95, abs=0.035)
    assert found.hierarchical_covers == pytest.approx(0.95, abs=0.04)


def test_twice_the_detectable_difference_is_seen() -> None:
    assert power(60) >= 0.9


def test_a_planted_label_worth_is_found() -> None:
    # Of 2,000 studies it is above 0.9; two standard errors of 100 are 6 points.
    assert label_worth_covers(100) >= 0.9 - 0.06
