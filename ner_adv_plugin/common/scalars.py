"""Binding of single values: numbers, texts, paths, null, and one of several choices."""

from pathlib import Path
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.common.schema import Bound
from ner_adv_plugin.common.wording import SCALARS, shown

# The largest numbers of tensors, and what numbers have to be.
LARGEST = {
    float: ((2 - 2**-23) * 2.0**127, "a number that float32 can hold, at most 3.4e38"),
    int: (2**63 - 1, "a whole number of 64 bits"),
}


def bind_scalar(annotation: Any, value: Any, path: str) -> Bound:
    """Check a value without parts.

    # Parameters

    annotation : `None` or its type, `Path`, or a key of `SCALARS`.
    value : the config value.
    path : the path of the value in the config.

    # Raises

    ConfigurationError : the value has another type, or is a number that no tensor can hold.
    """
    if annotation in (None, type(None)):
        fits = value is None
        expected = "null"
    elif annotation is Path:
        fits = isinstance(value, str)
        expected = "a path"
    else:
        accepted = int | float if annotation is float else annotation
        # To Python, a bool is an int.
        fits = isinstance(value, accepted) and isinstance(value, bool) == (annotation is bool)
        expected = SCALARS[annotation]

    if fits and annotation in LARGEST:
        largest, expected = LARGEST[annotation]
        fits = abs(value) <= largest
    if not fits:
        raise ConfigurationError(f"expected {expected}, found {shown(value)}", path)

    result = annotation(value) if annotation in (Path, float) else value
    return Bound(lambda _: result, value)


def bind_literal(choices: tuple[Any, ...], value: Any, path: str) -> Bound:
    """Check that a value is one of several.

    # Parameters

    choices : the values accepted; `1` and `true` differ.
    value : the config value.
    path : the path of the value in the config.

    # Raises

    ConfigurationError : for any other value.
    """
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        accepted = ", ".join(repr(choice) for choice in choices)
        hint = nearest(str(value), [str(choice) for choice in choices])
        raise ConfigurationError(f"found {shown(value)}, expected one of {accepted}.{hint}", path)
    return Bound(lambda _: value, value)
