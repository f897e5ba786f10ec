"""Overrides of a config: values by dotted keys."""

import json
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError


def with_overrides(config: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a config with overrides applied.

    # Parameters

    config : the config; not modified.
    overrides : values by key. A key may be dotted and hold list indices (`trainer.optimizer.lr`,
        `model.objectives.0.weight`). An object is merged into the existing object, but replaces it
        if it names another `type`. An override of `type` alone keeps the other keys.

    # Raises

    ConfigurationError : if a key leads through a value that is neither an object nor a list.

    # Examples

    >>> with_overrides({"optimizer": {"type": "sgd", "lr": 0.1}}, {"optimizer.lr": 0.5})
    {'optimizer': {'type': 'sgd', 'lr': 0.5}}
    >>> with_overrides({"optimizer": {"type": "sgd", "lr": 0.1}}, {"optimizer": {"type": "adam"}})
    {'optimizer': {'type': 'adam'}}
    """
    result: dict[str, Any] = json.loads(json.dumps(config))
    for key, value in overrides.items():
        _override(result, key.split("."), value, key)

    return result


def _override(target: Any, keys: list[str], value: Any, path: str) -> None:
    """Set `value` below `target` in place.

    # Parameters

    target : an object or list of the config.
    keys : the remaining keys of the override.
    value : the new value.
    path : the whole key of the override, for error messages.
    """
    index: Any = keys[0]
    if isinstance(target, list):
        if not index.isdecimal() or int(index) >= len(target):
            raise ConfigurationError(f'"{index}" is not an index of a list of {len(target)}', path)
        index = int(index)
    elif not isinstance(target, dict):
        raise ConfigurationError(f'cannot set "{index}" inside {target!r}', path)

    present = target[index] if isinstance(target, list) else target.get(index)
    if len(keys) > 1:
        if isinstance(present, str) and str(index).endswith("_path"):
            raise ConfigurationError(
                f'cannot set "{keys[1]}" inside the path "{present}": override the whole key', path
            )
        if present is None or isinstance(present, str):
            # A name is the short form of an object with this `type`.
            target[index] = {} if present is None else {"type": present}
        _override(target[index], keys[1:], value, path)
        return

    same_type = isinstance(value, dict) and value.get("type", None) in (None, _type_of(present))
    if isinstance(present, dict) and same_type:
        for child, child_value in value.items():
            _override(present, child.split("."), child_value, f"{path}.{child}")
    else:
        target[index] = value


def _type_of(value: Any) -> Any:
    return value.get("type") if isinstance(value, dict) else None
