"""Apportionment: whole numbers in given proportions."""

import math
from collections.abc import Mapping


def apportion(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Split a total into whole numbers in proportion to shares, by largest remainder.

    Each exact share is rounded down or up so that the result sums to the total.

    # Parameters

    total : the number to split.
    shares : relative shares on any scale, 0 or more, not all 0.

    # Examples

    >>> apportion(10, {"weibo": 1, "msra": 2})
    {'weibo': 3, 'msra': 7}
    """
    scale = total / sum(shares.values())
    exact = {name: scale * share for name, share in shares.items()}

    rounded = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(shares, key=lambda name: rounded[name] - exact[name])
    for name in by_remainder[: total - sum(rounded.values())]:
        rounded[name] += 1
    return rounded
