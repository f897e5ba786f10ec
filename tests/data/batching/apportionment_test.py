from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ner_adv_plugin.data.batching.apportionment import apportion

shares = st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=8).filter(any)


@given(st.integers(0, 10**6), shares)
@example(1, [0.0, 1.0])
@example(10, [0.1] * 3)
def test_parts_sum_to_the_total_and_are_rounded_down_or_up(
    total: int, given_shares: list[float]
) -> None:
    named = {str(i): share for i, share in enumerate(given_shares)}
    parts = apportion(total, named)
    assert list(parts) == list(named) and sum(parts.values()) == total
    whole = sum(map(Fraction, given_shares))
    for name, part in parts.items():
        assert part >= 0 and abs(part - total * Fraction(named[name]) / whole) < 1 + 1e-6
        assert named[name] or part == 0


@pytest.mark.parametrize(
    ("total", "parts"), [(10, [5, 3, 2]), (11, [6, 3, 2]), (12, [6, 4, 2]), (1, [1, 0, 0])]
)
def test_largest_remainders_by_hand(total: int, parts: list[int]) -> None:
    """Of 11: 5.5, 3.3, 2.2. Of 12: 6, 3.6, 2.4."""
    assert list(apportion(total, {"a": 5, "b": 3, "c": 2}).values()) == parts
