"""Binding: check a config value against an annotation and keep what is needed to build it.

Everything below a value is checked at once, inside `Lazy` parts too, before anything is built; an error names
the place in the config, what stood there, what is accepted and the nearest known name. What annotations do not say,
a component may check in its hook, see `ner_adv_plugin.common.checks`; in `moved_keys` a class may say where keys of
earlier versions stand now.
"""

import collections.abc
import dataclasses
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union

from tango.common.exceptions import ConfigurationError as TangoConfigurationError
from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.common.errors import ConfigurationError, below, joined, nearest
from ner_adv_plugin.common.schema import REQUIRED, Bound, Lazy, Supplied, parameters, registered
from ner_adv_plugin.common.wording import SCALARS, in_words, listed, shown, with_article

T = TypeVar("T")
NONE = type(None)
SEQUENCES = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def construct(annotation: type[T], value: Any, path: str = "", **supplied: Any) -> T:
    """Check a config value and build what it describes.

    # Parameters

    annotation : what is wanted, usually a Registrable base class.
    value : the config's value.
    path : where it stands in the config.
    supplied : arguments of the constructor that the program gives.

    Raises `ConfigurationError`.
    """
    bound = bind(annotation, value, path, frozenset(supplied))
    check_parts(bound, path=path)
    return typing.cast(T, bound.build(supplied))


def bind(
    annotation: Any, value: Any, path: str = "", supplied: frozenset[str] = frozenset()
) -> Bound:
    """Check `value` against `annotation`, without calling hooks; see `construct`."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any or annotation is REQUIRED or isinstance(annotation, TypeVar):
        return Bound(lambda _: value, value)
    if origin is Annotated:
        names = [mark.names for mark in args[1:] if isinstance(mark, Supplied)]
        return bind(args[0], value, path, supplied.union(*names))
    if origin is Union or origin is types.UnionType:
        return _bind_union(args, value, path, supplied)
    if origin is Literal:
        return _bind_literal(args, value, path)
    if annotation in SCALARS or annotation in (Path, None, NONE):
        return _bind_scalar(annotation, value, path)
    if origin is Lazy or annotation is Lazy:
        inner = bind(args[0] if args else Any, value, path, supplied)
        lazy = Lazy(inner.build, inner.filled, path, inner.target)
        return Bound(lambda _: lazy, inner.filled, inner.target, inner.children)
    kind = origin or annotation
    if kind in MAPPINGS:
        return _bind_mapping(args[1] if len(args) == 2 else Any, value, path, supplied)
    if kind in SEQUENCES or kind in (tuple, set, frozenset):
        return _bind_sequence(kind, args, value, path, supplied)
    if inspect.isclass(kind):
        return _bind_class(kind, value, path, supplied)
    return Bound(lambda _: value, value)


def _bind_scalar(annotation: Any, value: Any, path: str) -> Bound:
    if annotation in (None, NONE):
        fits, wanted = value is None, "null"
    elif annotation is float:
        fits, wanted = (
            isinstance(value, int | float) and not isinstance(value, bool),
            SCALARS[float],
        )
    elif annotation is Path:
        fits, wanted = isinstance(value, str), "a path"
    else:
        fits = isinstance(value, annotation) and (annotation is bool or not isinstance(value, bool))
        wanted = SCALARS[annotation]
    if not fits:
        raise ConfigurationError(f"expected {wanted}, found {shown(value)}", path)
    made = Path(value) if annotation is Path else float(value) if annotation is float else value
    return Bound(lambda _: made, value)


def _bind_literal(choices: tuple[Any, ...], value: Any, path: str) -> Bound:
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        accepted = ", ".join(repr(choice) for choice in choices)
        hint = nearest(str(value), [str(choice) for choice in choices])
        raise ConfigurationError(f"found {shown(value)}, expected one of {accepted}.{hint}", path)
    return Bound(lambda _: value, value)


def _bind_union(args: tuple[Any, ...], value: Any, path: str, supplied: frozenset[str]) -> Bound:
    if value is None and NONE in args:
        return Bound(lambda _: None, None)
    candidates = [arg for arg in args if arg is not NONE]
    fitting = [arg for arg in candidates if _same_shape(arg, value)] or candidates
    errors = []
    for arg in fitting:
        try:
            return bind(arg, value, path, supplied)
        except ConfigurationError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    raise ConfigurationError(
        "; or ".join(dict.fromkeys(error.message for error in errors)), errors[-1].path
    )


def _same_shape(annotation: Any, value: Any) -> bool:
    """Whether a value looks like what an annotation wants, so that a union's error can be precise."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated or origin is Lazy:
        return _same_shape(args[0], value)
    kind = origin or annotation
    if isinstance(value, Mapping):
        scalars = (*SCALARS, Path, *SEQUENCES, tuple, set, frozenset)
        return kind in MAPPINGS or (inspect.isclass(kind) and kind not in scalars)
    if isinstance(value, list):
        return kind in (*SEQUENCES, tuple, set, frozenset)
    if isinstance(value, str) and inspect.isclass(kind) and issubclass(kind, TangoRegistrable):
        return True
    return kind in SCALARS or kind is Literal or kind is Path


def _bind_mapping(item: Any, value: Any, path: str, supplied: frozenset[str]) -> Bound:
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"expected an object of names and values, found {shown(value)}", path
        )
    items = {key: bind(item, child, joined(path, key), supplied) for key, child in value.items()}
    return Bound(
        lambda given: {key: bound.build(given) for key, bound in items.items()},
        {key: bound.filled for key, bound in items.items()},
        children=items,
    )


def _bind_sequence(
    kind: Any, args: tuple[Any, ...], value: Any, path: str, supplied: frozenset[str]
) -> Bound:
    if not isinstance(value, list | tuple):
        raise ConfigurationError(f"expected a list, found {shown(value)}", path)
    fixed = kind is tuple and args and args[-1] is not Ellipsis
    if fixed and len(args) != len(value):
        raise ConfigurationError(f"expected {len(args)} values, found {len(value)}", path)
    kinds = args if fixed else [args[0] if args else Any] * len(value)
    items = [
        bind(k, child, joined(path, str(i)), supplied)
        for i, (k, child) in enumerate(zip(kinds, value, strict=True))
    ]
    collect = kind if kind in (tuple, set, frozenset) else list
    children = {str(i): item for i, item in enumerate(items)}
    return Bound(
        lambda given: collect(b.build(given) for b in items),
        [b.filled for b in items],
        children=children,
    )


def _bind_class(cls: type, value: Any, path: str, supplied: frozenset[str]) -> Bound:
    if isinstance(value, cls) and not isinstance(value, dict | str):
        return Bound(lambda _: value, None)
    registrable = issubclass(cls, TangoRegistrable)
    if registrable and isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"expected an object describing {with_article(cls.__name__)}, found {shown(value)}",
            path,
        )
    settings = dict(value)
    if not registrable:
        return _bind_call(cls, settings, path, supplied, {})
    names = registered(cls)
    # A registered subclass inherits its base's default, which names nothing in a registry of its own.
    default: str | None = cls.default_implementation  # type: ignore[attr-defined]
    name = settings.pop("type", default if default in names else None)
    if name is None and (names or TangoRegistrable in cls.__bases__):
        raise ConfigurationError(f'missing "type", one of {listed(names)}', joined(path, "type"))
    target = cls if name is None else _resolve(cls, name, names, path)
    return _bind_call(target, settings, path, supplied, {} if name is None else {"type": name})


def _resolve(cls: type, name: Any, names: Mapping[str, Any], path: str) -> Callable[..., Any]:
    """What a registered name, or a dotted class path, constructs."""
    where = joined(path, "type")
    if not isinstance(name, str):
        raise ConfigurationError(
            f"expected the name of {with_article(cls.__name__)}, found {shown(name)}", where
        )
    if name in names:
        return typing.cast(Callable[..., Any], names[name])
    module_name, _, class_name = name.rpartition(".")
    if module_name and class_name[:1].isupper() and all(map(str.isidentifier, name.split("."))):
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f'cannot import class "{name}": {error}', where) from error
        # Nothing else is called: a config may come with somebody's archive.
        kinds = (cls, *(base for base in cls.__bases__ if not issubclass(base, TangoRegistrable)))
        if not (inspect.isclass(found) and issubclass(found, kinds)):
            raise ConfigurationError(f'"{name}" is no {cls.__name__}', where)
        return typing.cast(Callable[..., Any], found)
    raise ConfigurationError(
        f'"{name}" is not a registered {cls.__name__}.{nearest(name, names)} Known: {listed(names)}.'
        " One of your own needs --include-package.",
        where,
    )


def check_keys(
    settings: Mapping[str, Any],
    accepted: collections.abc.Container[str],
    offered: list[str],
    path: str,
    moved: Mapping[str, str] | None = None,
) -> None:
    """`ConfigurationError` for a key that is not accepted.

    # Parameters

    settings : keys and values.
    accepted : the keys that may stand there.
    offered : those of them that the message lists.
    path : where the settings stand in the config.
    moved : for keys of earlier versions the sentence that says where they stand now.
    """
    for key in settings:
        if key not in accepted:
            hint = f" {moved[key]}" if moved and key in moved else nearest(key, offered)
            raise ConfigurationError(
                f"unknown key.{hint} Accepted: {listed(offered)}.", joined(path, key)
            )


def _bind_call(
    target: Callable[..., Any],
    settings: dict[str, Any],
    path: str,
    supplied: frozenset[str],
    filled: dict[str, Any],
) -> Bound:
    """Match settings with a constructor's parameters."""
    accepted = {parameter.name: parameter for parameter in parameters(target)}
    offered = [name for name in accepted if name not in supplied]
    moved = getattr(target, "moved_keys", None)
    check_keys(settings, accepted, offered + ["type"] * ("type" in filled), path, moved)
    children: dict[str, Bound] = {}
    for name, parameter in accepted.items():
        if name in settings:
            children[name] = bind(parameter.annotation, settings[name], joined(path, name))
            filled[name] = children[name].filled
        elif name in supplied:
            continue
        elif parameter.default is REQUIRED:
            raise ConfigurationError(
                f"missing key, required here{in_words(parameter.annotation)}", joined(path, name)
            )
        elif _plain(default := _as_config(parameter.default)):
            filled[name] = default
    handed_on = [name for name in accepted if name in supplied and name not in settings]

    def build(given: Mapping[str, Any]) -> Any:
        arguments = {name: child.build({}) for name, child in children.items()}
        arguments.update({name: given[name] for name in handed_on if name in given})
        try:
            with below(path):
                return target(**arguments)
        except (TangoConfigurationError, ValueError) as error:
            # Constructors of torch and allennlp-light refuse settings so.
            raise ConfigurationError(str(error), path) from error

    return Bound(build, filled, target, children)


def _as_config(default: Any) -> Any:
    """A default as a config would say it: groups of settings as objects, tuples as lists."""
    if isinstance(default, tuple):
        return [_as_config(item) for item in default]
    is_settings = dataclasses.is_dataclass(default) and not isinstance(
        default, type | TangoRegistrable
    )
    return dataclasses.asdict(default) if is_settings else default


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_plain(item) for item in value)
    if isinstance(value, dict):
        return all(_plain(item) for item in value.values())
    return value is None or isinstance(value, str | int | float | bool)
