"""Keys of components that are not accepted, and what they may have been meant to be."""

from collections.abc import Container, Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, joined, nearest
from ner_adv_plugin.common.schema import parameters, registered
from ner_adv_plugin.common.wording import listed


def check_keys(
    settings: Mapping[str, Any],
    accepted: Container[str],
    offered: list[str],
    path: str,
    moved: Mapping[str, str] | None = None,
    also: str = "",
) -> None:
    """Check that every key is accepted.

    # Parameters

    settings : keys and values.
    accepted : all accepted keys.
    offered : the accepted keys that the error message lists.
    path : the path of the settings in the config.
    moved : for each key of an earlier version, a sentence that names its replacement.
    also : the end of the message.

    # Raises

    ConfigurationError : for the first key that is not accepted.
    """
    for key in settings:
        if key not in accepted:
            hint = f" {moved[key]}" if moved and key in moved else nearest(key, offered)
            raise ConfigurationError(
                f"unknown key.{hint} Accepted: {listed(offered)}.{also}", joined(path, key)
            )


def of_another_type(
    settings: Mapping[str, Any], accepted: Container[str], name: Any, base: type
) -> str:
    """Return a hint if the unknown keys are those of another type, as left by an override.

    # Parameters

    settings, accepted : see `check_keys`.
    name : the registered name of the type that the config has; None if it has none.
    base : the registry's base class.

    # Returns

    The hint, a sentence; empty if all keys are accepted, or are those of no other type.
    """
    unknown = [key for key in settings if key not in accepted]
    if not unknown or name is None:
        return ""

    others = [
        other
        for other, target in registered(base).items()
        if set(unknown) <= {parameter.name for parameter in parameters(target)}
    ]
    if not others:
        return ""
    keys = f"{unknown[0]} is a key" if len(unknown) == 1 else f"{listed(unknown)} are keys"
    return (
        f' {keys} of type {listed(others)}, not of "{name}". An override of "type" alone keeps the'
        " other keys: override the whole object, which replaces them."
    )
