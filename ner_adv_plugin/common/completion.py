"""A config with everything written out that a run would use in place of null."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import joined
from ner_adv_plugin.common.schema import Bound, parameters


def completed(bound: Bound, path: str = "") -> Any:
    """Return the config of a bound value, complete: it builds the same as the given one.

    Defaults of constructors are filled in when a config is bound. What a component uses in place of
    null it says in `Registrable.default_values`; here these are bound and completed in turn.

    # Parameters

    bound : the bound config.
    path : its path, shown in errors.

    # Examples

    >>> from ner_adv_plugin.common.registrable import Registrable
    >>> class Greeting(Registrable):
    ...     default_implementation = "plain"
    >>> @Greeting.register("plain")
    ... class PlainGreeting(Greeting):
    ...     def __init__(self, word: str = "Hello", then: Greeting | None = None) -> None: ...
    >>> @Greeting.register("polite")
    ... class PoliteGreeting(PlainGreeting):
    ...     @classmethod
    ...     def default_values(cls, settings):
    ...         return {"then": "plain"}
    >>> completed(bind(Greeting, {"type": "polite"}))
    {'type': 'polite', 'word': 'Hello', 'then': {'type': 'plain', 'word': 'Hello', 'then': None}}
    """
    if isinstance(bound.filled, list):
        return [
            completed(bound.children[str(index)], joined(path, str(index)))
            for index in range(len(bound.filled))
        ]
    if not isinstance(bound.filled, Mapping):
        return bound.filled

    settings = {
        key: completed(bound.children[key], joined(path, key)) if key in bound.children else value
        for key, value in bound.filled.items()
    }
    hook = bound.hook("default_values")
    if hook is None:
        return settings
    annotations = {parameter.name: parameter.annotation for parameter in parameters(bound.target)}
    for key, value in hook(settings).items():
        if key in settings and settings[key] is None:
            default = bind(annotations[key], value, joined(path, key))
            settings[key] = completed(default, joined(path, key))
    return settings
