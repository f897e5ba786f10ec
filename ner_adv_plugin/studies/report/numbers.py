"""How numbers are written in all reports."""

from math import inf, isfinite, nan
from typing import Any

# Shown for an infinite end of an interval.
INFINITE = {inf: "∞", -inf: "−∞"}
# Shown for an undefined score; in HTML it is a message.
UNDEFINED = "undefined"


def number(value: Any) -> float:
    """Return a number of `results.json`: infinite ones are strings, undefined ones None or NaN."""
    return nan if value is None else float(value)


def points(value: Any, signed: bool = False) -> str:
    """Write a score or a difference in [-1, 1] in points, such as "81.94" or "+0.30"."""
    found = number(value)
    if found != found:
        return UNDEFINED
    if not isfinite(found):
        return INFINITE[found]
    # No "-0.00".
    rounded = round(100 * found, 2) + 0.0
    return f"{rounded:+.2f}".replace("-", "−") if signed else f"{rounded:.2f}"


def minutes(seconds: Any) -> str:
    """Write seconds in minutes, such as "12.5"; "" if they are not known."""
    return "" if seconds is None else f"{number(seconds) / 60:.1f}"


def interval(ends: Any) -> str:
    """Write an interval of differences in points, such as "[+0.12, +1.30]"."""
    low, high = ends
    return f"[{points(low, signed=True)}, {points(high, signed=True)}]"


def p_value(value: Any) -> str:
    """Write a p-value with three decimals, or "<0.001"."""
    found = number(value)
    return "<0.001" if found < 0.001 else f"{found:.3f}"


def count(value: Any) -> str:
    """Write a mean count with one decimal, a whole one without; "" if it is not known."""
    if value is None:
        return ""
    found = number(value)
    return f"{found:,.0f}" if found == round(found) else f"{found:,.1f}"


def change(value: Any) -> str:
    """Write a difference of counts with its sign."""
    found = round(number(value), 1) + 0.0
    shown = f"{found:+,.0f}" if found == round(found) else f"{found:+,.1f}"
    return "0" if not found else shown.replace("-", "−")
