from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.apportionment import apportion

shares = st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=8).filter(any)


@given(st.integers(0, 10**6), shares)
@example(1, [0.0, 1.0])
@example(10, [0.1] * 3)
def test_results_sum_to_the_total_and_are_rounded_down_or_up(
    total: int, drawn_shares: list[float]
) -> None:
    named = {str(i): share for i, share in enumerate(drawn_shares)}
    rounded = apportion(total, named)
    assert list(rounded) == list(named) and sum(rounded.values()) == total
    whole = sum(map(Fraction, drawn_shares))
    for name, count in rounded.items():
        assert count >= 0 and abs(count - total * Fraction(named[name]) / whole) < 1 + 1e-6
        assert named[name] or count == 0


@pytest.mark.parametrize(
    ("total", "expected"), [(10, [5, 3, 2]), (11, [6, 3, 2]), (12, [6, 4, 2]), (1, [1, 0, 0])]
)
def test_largest_remainders_by_hand(total: int, expected: list[int]) -> None:
    """Exact shares of 11 are 5.5, 3.3 and 2.2; of 12: 6, 3.6 and 2.4."""
    assert list(apportion(total, {"a": 5, "b": 3, "c": 2}).values()) == expected
