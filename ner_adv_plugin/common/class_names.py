"""The class that a name in a config means: a registered name or a dotted class path."""

import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.common.schema import registered
from ner_adv_plugin.common.wording import listed, shown, with_article

T = TypeVar("T")


def class_of(base: type[T], config: Any) -> type[T] | None:
    """Return the class that a component's config names, by its registered name or class path.

    # Parameters

    base : the registry's base class.
    config : the config or its "type"; without one it is the default implementation.

    # Returns

    The class; None if there is none of this name.

    # Examples

    >>> from ner_adv_plugin.modules.heads import Head
    >>> class_of(Head, {"type": "crf"}).__name__
    'CrfHead'
    >>> class_of(Head, "ner_adv_plugin.modules.heads.crf.CrfHead") is class_of(Head, "crf")
    True
    """
    name = config.get("type") if isinstance(config, Mapping) else config
    if name is None:
        name = base.default_implementation  # type: ignore[attr-defined]
    try:
        target: Any = resolve(base, name, registered(base), "")
    except ConfigurationError:
        return None
    owner = target.__self__ if inspect.ismethod(target) else target
    return typing.cast(type[T], owner) if inspect.isclass(owner) else None


def resolve(cls: type, name: Any, names: Mapping[str, Any], path: str) -> Callable[..., Any]:
    """Return the class or constructor of a registered name or of a dotted class path.

    # Parameters

    cls : the registry's base class.
    name : the value of `type` in the config.
    names : everything registered under `cls`, by name.
    path : the path of `type` in the config.

    # Raises

    ConfigurationError : there is no such class, or it is no subclass of `cls`.
    """
    if not isinstance(name, str):
        raise ConfigurationError(
            f"expected the name of {with_article(cls.__name__)}, found {shown(name)}", path
        )
    if name in names:
        return typing.cast(Callable[..., Any], names[name])

    module_name, _, class_name = name.rpartition(".")
    if module_name and class_name[:1].isupper() and all(map(str.isidentifier, name.split("."))):
        try:
            target = getattr(importlib.import_module(module_name), class_name)
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f'cannot import class "{name}": {error}', path) from error
        # Never call anything else: the config may come from an untrusted archive.
        bases = (cls, *(base for base in cls.__bases__ if not issubclass(base, TangoRegistrable)))
        if not (inspect.isclass(target) and issubclass(target, bases)):
            raise ConfigurationError(f'"{name}" is not {with_article(cls.__name__)}', path)
        return typing.cast(Callable[..., Any], target)

    raise ConfigurationError(
        f'"{name}" is not a registered {cls.__name__}.{nearest(name, names)}'
        f" Known: {listed(names)}. A custom component needs --include-package.",
        path,
    )
