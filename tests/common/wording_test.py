"""Values and descriptions in error messages."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.common.layers import Layer, LazyLayer, error_of


def test_long_values_are_shortened() -> None:
    _, message = error_of(list(range(1000)), int, "a")
    assert len(message) < 120 and message.endswith("...")


@pytest.mark.parametrize(
    ("annotation", "wanted"),
    [
        (int, ": a whole number"),
        (Layer, ": a Layer, one of checked, linear, lookup, stack"),
        (LazyLayer, ": a Layer, one of checked, linear, lookup, stack"),
        (list[int], ""),
    ],
)
def test_a_missing_key_is_described(annotation: Any, wanted: str) -> None:
    made: Any = dataclass(type("Made", (), {"__annotations__": {"key": annotation}}))
    assert error_of({}, made) == ("key", f"missing key, required here{wanted}")
