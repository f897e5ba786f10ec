"""Binding: check a config value against a type annotation and prepare to build the object.

The whole value, including everything inside `Lazy`, is checked before anything is built. An error
names the path in the config, the value found, what is accepted and the nearest known name. A
component may check what annotations cannot express in its `check` hook, see
`ner_adv_plugin.common.checks`. The class attribute `moved_keys` may map a key of an earlier version
to a sentence that names its replacement.
"""

import collections.abc
import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union

from tango.common.exceptions import ConfigurationError as TangoConfigurationError
from tango.common.registrable import Registrable as TangoRegistrable

from ner_adv_plugin.common.checks import check_parts
from ner_adv_plugin.common.class_names import resolve
from ner_adv_plugin.common.errors import ConfigurationError, below, joined
from ner_adv_plugin.common.keys import check_keys, of_another_type
from ner_adv_plugin.common.scalars import bind_literal, bind_scalar
from ner_adv_plugin.common.schema import REQUIRED, Bound, Lazy, Supplied, parameters, registered
from ner_adv_plugin.common.supplied import what_is_given, what_is_missing
from ner_adv_plugin.common.wording import SCALARS, in_words, listed, shown, with_article

T = TypeVar("T")
NONE = type(None)
SEQUENCES = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def construct(annotation: type[T], value: Any, path: str = "", **supplied: Any) -> T:
    """Check a config value and build the object that it describes.

    # Parameters

    annotation : the expected type, usually a Registrable base class.
    value : the config value.
    path : the path of the value in the config.
    supplied : constructor arguments supplied by the program.

    # Returns

    The object.

    # Raises

    ConfigurationError : if the value does not fit the annotation or a component refuses it.

    # Examples

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Optimizer:
    ...     rate: float = 0.1
    >>> construct(Optimizer, {"rate": 1}).rate
    1.0
    >>> try:
    ...     construct(Optimizer, {"rat": 1}, "trainer.optimizer")
    ... except ConfigurationError as error:
    ...     print(error)
    trainer.optimizer.rat: unknown key. Did you mean "rate"? Accepted: rate.
    """
    bound = bind(annotation, value, path, frozenset(supplied))
    check_parts(bound, path=path)

    return typing.cast(T, bound.build(supplied))


def bind(
    annotation: Any, value: Any, path: str = "", supplied: frozenset[str] = frozenset()
) -> Bound:
    """Check `value` against `annotation` without calling `check` hooks; see `construct`.

    # Parameters

    annotation, value, path : see `construct`.
    supplied : names of the constructor arguments that the program will supply.

    # Returns

    The checked value, ready to be built.

    # Raises

    ConfigurationError : if the value does not fit the annotation.
    """
    origin = typing.get_origin(annotation)
    args = typing.get_args(annotation)

    if annotation is Any or annotation is REQUIRED or isinstance(annotation, TypeVar):
        return Bound(lambda _: value, value)
    if origin is Annotated:
        names = [mark.names for mark in args[1:] if isinstance(mark, Supplied)]
        return bind(args[0], value, path, supplied.union(*names))
    if origin is Union or origin is types.UnionType:
        return _bind_union(args, value, path, supplied)
    if origin is Literal:
        return bind_literal(args, value, path)
    if annotation in SCALARS or annotation in (Path, None, NONE):
        return bind_scalar(annotation, value, path)
    if origin is Lazy or annotation is Lazy:
        inner = bind(args[0] if args else Any, value, path, supplied)
        lazy = Lazy(inner.build, inner.filled, path, inner.target)
        return Bound(lambda _: lazy, inner.filled, inner.target, inner.children)

    plain_type = origin or annotation
    if plain_type in MAPPINGS:
        return _bind_mapping(args[1] if len(args) == 2 else Any, value, path, supplied)
    if plain_type in SEQUENCES or plain_type in (tuple, set, frozenset):
        return _bind_sequence(plain_type, args, value, path, supplied)
    if inspect.isclass(plain_type):
        return _bind_class(plain_type, value, path, supplied)
    return Bound(lambda _: value, value)


def _bind_union(args: tuple[Any, ...], value: Any, path: str, supplied: frozenset[str]) -> Bound:
    if value is None and NONE in args:
        return Bound(lambda _: None, None)

    members = [arg for arg in args if arg is not NONE]
    candidates = [arg for arg in members if _same_shape(arg, value)] or members
    errors = []
    for arg in candidates:
        try:
            return bind(arg, value, path, supplied)
        except ConfigurationError as error:
            errors.append(error)

    if len(errors) == 1:
        raise errors[0]
    messages = dict.fromkeys(error.message for error in errors)
    raise ConfigurationError("; or ".join(messages), errors[-1].path)


def _same_shape(annotation: Any, value: Any) -> bool:
    """Return whether a value has the JSON type of an annotation.

    If only one member of a union has the value's JSON type, that member's error alone is reported.
    """
    origin = typing.get_origin(annotation)
    if origin is Annotated or origin is Lazy:
        return _same_shape(typing.get_args(annotation)[0], value)

    plain_type = origin or annotation
    is_class = inspect.isclass(plain_type)
    if isinstance(value, Mapping):
        not_objects = (*SCALARS, Path, *SEQUENCES, tuple, set, frozenset)
        return plain_type in MAPPINGS or (is_class and plain_type not in not_objects)
    if isinstance(value, list):
        return plain_type in (*SEQUENCES, tuple, set, frozenset)
    if isinstance(value, str) and is_class and issubclass(plain_type, TangoRegistrable):
        return True
    return plain_type in SCALARS or plain_type is Literal or plain_type is Path


def _bind_mapping(item: Any, value: Any, path: str, supplied: frozenset[str]) -> Bound:
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"expected an object of names and values, found {shown(value)}", path
        )

    children = {key: bind(item, child, joined(path, key), supplied) for key, child in value.items()}
    return Bound(
        lambda arguments: {key: child.build(arguments) for key, child in children.items()},
        {key: child.filled for key, child in children.items()},
        children=children,
    )


def _bind_sequence(
    collection: Any, args: tuple[Any, ...], value: Any, path: str, supplied: frozenset[str]
) -> Bound:
    if not isinstance(value, list | tuple):
        raise ConfigurationError(f"expected a list, found {shown(value)}", path)
    fixed = collection is tuple and args and args[-1] is not Ellipsis
    if fixed and len(args) != len(value):
        raise ConfigurationError(f"expected {len(args)} values, found {len(value)}", path)

    item_types = args if fixed else [args[0] if args else Any] * len(value)
    items = [
        bind(item_type, item, joined(path, str(index)), supplied)
        for index, (item_type, item) in enumerate(zip(item_types, value, strict=True))
    ]
    collect = collection if collection in (tuple, set, frozenset) else list
    return Bound(
        lambda arguments: collect(item.build(arguments) for item in items),
        [item.filled for item in items],
        children={str(index): item for index, item in enumerate(items)},
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
        return _bind_call(cls, settings, path, supplied, {}, cls)

    names = registered(cls)
    # A registered subclass inherits the default of its base, which its own registry does not hold.
    default: str | None = cls.default_implementation  # type: ignore[attr-defined]
    name = settings.pop("type", default if default in names else None)
    if name is None and (names or TangoRegistrable in cls.__bases__):
        raise ConfigurationError(f'missing "type", one of {listed(names)}', joined(path, "type"))
    target = cls if name is None else resolve(cls, name, names, joined(path, "type"))
    filled = {} if name is None else {"type": name}
    return _bind_call(target, settings, path, supplied, filled, cls)


def _bind_call(
    target: Callable[..., Any],
    settings: dict[str, Any],
    path: str,
    supplied: frozenset[str],
    filled: dict[str, Any],
    base: type,
) -> Bound:
    """Bind settings to the parameters of a constructor.

    # Parameters

    target : the class or function to call.
    settings : its config, without `type`.
    path : the path of the settings in the config.
    supplied : names of the arguments that the program will supply.
    filled : receives the settings with defaults written out; may hold `type` already.
    base : the class that the config value is of, such as `Model`.
    """
    accepted = {parameter.name: parameter for parameter in parameters(target)}
    offered = [name for name in accepted if name not in supplied]
    moved = getattr(target, "moved_keys", None)
    hint = of_another_type(settings, accepted, filled.get("type"), base)
    check_keys(settings, accepted, offered + ["type"] * ("type" in filled), path, moved, hint)

    children: dict[str, Bound] = {}
    for name, parameter in accepted.items():
        if name in settings:
            children[name] = bind(parameter.annotation, settings[name], joined(path, name))
            filled[name] = children[name].filled
        elif name in supplied:
            continue
        elif parameter.default is REQUIRED:
            raise ConfigurationError(
                f"missing key, required here{in_words(parameter.annotation)}"
                f"{what_is_given(target, base, supplied, name)}",
                joined(path, name),
            )
        elif _plain(default := _as_config(parameter.default)):
            filled[name] = default
    passed_on = [name for name in accepted if name in supplied and name not in settings]

    def build(supplied_values: Mapping[str, Any]) -> Any:
        arguments = {name: child.build({}) for name, child in children.items()}
        for name in passed_on:
            if name in supplied_values:
                arguments[name] = supplied_values[name]

        try:
            with below(path):
                return target(**arguments)
        except TypeError as error:
            message = what_is_missing(error, target, base, supplied)
            if message is None:
                raise
            raise ConfigurationError(message, path) from error
        except (TangoConfigurationError, ValueError, RuntimeError, ArithmeticError) as error:
            # Raised by constructors of torch and allennlp-light.
            raise ConfigurationError(str(error), path) from error

    return Bound(build, filled, target, children)


def _as_config(default: Any) -> Any:
    """Return a default in JSON form: dataclasses as objects, tuples as lists."""
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
