"""Differences between two configs."""

from collections.abc import Iterator
from typing import Any


def all_differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of every difference between two configs, and both values there.

    Lists of different lengths are one difference.

    # Parameters

    before, after : the configs, or values inside them.
    path : the path of both values in their configs.

    # Examples

    >>> list(all_differences({"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 3]}}))
    [('b.c.1', 2, 3)]
    """
    if isinstance(before, dict) and isinstance(after, dict):
        children: Any = [
            (key, before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])
        ]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        children = zip(range(len(before)), before, after, strict=True)
    else:
        if before != after:
            yield path, before, after
        return

    for key, old, new in children:
        yield from all_differences(old, new, f"{path}.{key}".lstrip("."))
