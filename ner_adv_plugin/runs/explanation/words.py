"""Numbers and settings in words."""

from collections.abc import Iterable, Mapping
from typing import Any


def number(count: float, noun: str) -> str:
    """Return a count and its noun.

    # Examples

    >>> number(1, "epoch"), number(2400, "sentence")
    ('1 epoch', '2,400 sentences')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(score: float) -> str:
    """Return a score between 0 and 1 in points.

    # Examples

    >>> percent(0.6649)
    '66.5'
    """
    return f"{100 * score:.1f}"


def listed(words: Iterable[str], none: str = "none") -> str:
    """Return words separated by commas, the last one by "and".

    # Examples

    >>> listed(["a", "b", "c"]), listed([])
    ('a, b and c', 'none')
    """
    *most, last = list(words) or [none]
    return f"{', '.join(most)} and {last}" if most else last


def named(component: Any) -> str:
    """Return the name of a component and its main settings.

    # Parameters

    component : its config: a name, or an object with `type`.

    # Examples

    >>> named({"type": "lstm", "hidden_size": 128, "layers": {}, "bidirectional": True})
    'lstm (hidden_size 128, bidirectional)'
    """
    if not isinstance(component, Mapping):
        return str(component)
    shown = [
        key if value is True else f"{key} {value}"
        for key, value in component.items()
        if key != "type" and isinstance(value, str | int | float) and value is not False
    ]
    name = str(component.get("type", "default"))
    return f"{name} ({', '.join(shown)})" if shown else name
