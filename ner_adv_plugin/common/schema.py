"""Constructor = schema: what keys a class takes from a config, read off its signature."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tango.common.registrable import Registrable as TangoRegistrable

T = TypeVar("T")
REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Parameter:
    """One key of a component: its name, annotation, and default (`REQUIRED` where there is none)."""

    name: str
    annotation: Any
    default: Any


@dataclass(frozen=True, init=False)
class Supplied:
    """Marks, inside `Annotated[Lazy[T], Supplied("vocab")]`, arguments that the program gives, not the config."""

    names: frozenset[str]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", frozenset(names))


@dataclass(frozen=True)
class Bound:
    """A checked config value.

    # Parameters

    build : makes the object from the arguments that the program supplies.
    filled : its config, defaults written out.
    target : the class or function that is called, if any.
    children : the checked values inside it, by key.
    """

    build: Callable[[Mapping[str, Any]], Any]
    filled: Any
    target: Any = None
    children: Mapping[str, "Bound"] = field(default_factory=dict)


class Lazy(Generic[T]):
    """A component whose config is checked already and which is built later, with arguments known then.

    # Parameters

    build : makes the object from the arguments that the program supplies.
    filled : its config, defaults written out.
    path : where in the config it stands.
    target : the class or function that makes it.
    """

    def __init__(
        self,
        build: Callable[[dict[str, Any]], T],
        filled: Any = None,
        path: str = "",
        target: Any = None,
    ) -> None:
        self._build = build
        self.filled = filled
        self.path = path
        self.target = target

    def construct(self, **supplied: Any) -> T:
        """Build the object."""
        return self._build(supplied)


def parameters(target: Callable[..., Any]) -> list[Parameter]:
    """The keys that a class or a factory function takes, in order.

    A constructor that takes `**kwargs` also takes the keys of the next constructor up its bases, as in
    AllenNLP. A default that a dataclass makes afresh for every object is shown as made once.
    """
    if not inspect.isclass(target):
        return _own_parameters(target)[0]
    found: dict[str, Parameter] = {}
    fields = dataclasses.fields(target) if dataclasses.is_dataclass(target) else ()
    made = {
        field.name: field.default_factory for field in fields if callable(field.default_factory)
    }
    for owner in target.__mro__:
        if "__init__" not in vars(owner) or owner is object:
            continue
        own, open_ended = _own_parameters(vars(owner)["__init__"])
        for parameter in own:
            if parameter.name in made:
                parameter = dataclasses.replace(parameter, default=made[parameter.name]())
            found.setdefault(parameter.name, parameter)
        if not open_ended:
            break
    return list(found.values())


def _own_parameters(function: Callable[..., Any]) -> tuple[list[Parameter], bool]:
    signature = inspect.signature(function)
    hints: dict[str, Any] = {}
    if any(isinstance(p.annotation, str) for p in signature.parameters.values()):
        hints = typing.get_type_hints(function, include_extras=True)
    kinds = inspect.Parameter
    own = [
        Parameter(p.name, hints.get(p.name, p.annotation), p.default)
        for p in signature.parameters.values()
        if p.name != "self" and p.kind not in (kinds.VAR_KEYWORD, kinds.VAR_POSITIONAL)
    ]
    return own, any(p.kind is kinds.VAR_KEYWORD for p in signature.parameters.values())


def registered(base: type) -> dict[str, Any]:
    """Registered names of a base class and what each constructs."""
    registry: dict[str, Any] = {}
    for name, (target, constructor) in TangoRegistrable._registry.get(base, {}).items():
        registry[name] = getattr(target, constructor) if constructor else target
    return registry
