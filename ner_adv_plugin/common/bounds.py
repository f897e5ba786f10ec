"""Bounds of numbers in a config."""

from typing import Any, TypeVar

from ner_adv_plugin.common.errors import ConfigurationError

# A number, or None.
T = TypeVar("T", bound=Any)


def at_least(bound: int, value: T, key: str) -> T:
    """Return the value of a key; None is no number and has no bound.

    # Parameters

    bound : the smallest value that is accepted.
    value : the value.
    key : the key, relative to its component.

    # Raises

    ConfigurationError : if the value is below the bound.

    # Examples

    >>> at_least(1, 3, "num_epochs")
    3
    >>> at_least(1, 0, "num_epochs")
    Traceback (most recent call last):
    ner_adv_plugin.common.errors.ConfigurationError: num_epochs: expected 1 or more, found 0
    """
    if value is not None and not value >= bound:
        raise ConfigurationError(f"expected {bound} or more, found {value}", key)
    return value


def above(bound: int, value: T, key: str) -> T:
    """Return the value of a key; None is no number and has no bound.

    # Parameters

    bound : the value that is too small.
    value, key : see `at_least`.

    # Raises

    ConfigurationError : if the value is not above the bound.
    """
    if value is not None and not value > bound:
        raise ConfigurationError(f"expected more than {bound}, found {value}", key)
    return value
