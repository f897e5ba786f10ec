"""Whole numbers from shares."""

import math
from collections.abc import Mapping


def apportion(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Split a number by shares of any scale: each part is rounded down or up, by largest remainder; they sum to it.

    # Parameters

    total : what is split.
    shares : 0 or more, not all 0.
    """
    scale = total / sum(shares.values())
    exact = {name: scale * share for name, share in shares.items()}
    parts = {name: math.floor(part) for name, part in exact.items()}
    by_remainder = sorted(shares, key=lambda name: parts[name] - exact[name])
    for name in by_remainder[: total - sum(parts.values())]:
        parts[name] += 1
    return parts
