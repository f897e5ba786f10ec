"""Config keys of a class, derived from the signature of its constructor."""

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
    """A config key of a component: name, annotation, and default (`REQUIRED` if missing)."""

    name: str
    annotation: Any
    default: Any


@dataclass(frozen=True, init=False)
class Supplied:
    """Marker of constructor arguments that the program supplies, not the config.

    For use in annotations: `Annotated[Lazy[T], Supplied("vocab")]`.
    """

    names: frozenset[str]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", frozenset(names))


@dataclass(frozen=True)
class Bound:
    """A checked config value.

    # Parameters

    build : builds the object from the arguments that the program supplies.
    filled : the value with defaults written out.
    target : the class or function that is called, if any.
    children : the checked values inside it, by key.
    """

    build: Callable[[Mapping[str, Any]], Any]
    filled: Any
    target: Any = None
    children: Mapping[str, "Bound"] = field(default_factory=dict)

    def hook(self, name: str) -> Callable[..., Any] | None:
        """Return a class method of the component, None if it has none of this name.

        # Parameters

        name : that of the method; third-party classes may have an instance method of this name.
        """
        # Components may be registered with another constructor than `__init__`.
        owner = self.target.__self__ if inspect.ismethod(self.target) else self.target
        found = getattr(owner, name, None) if inspect.isclass(owner) else None
        return found if inspect.ismethod(found) else None


class Lazy(Generic[T]):
    """A component that is checked with the config but built later, with more arguments.

    # Parameters

    build : builds the object from the arguments that the program supplies.
    filled : the component's config with defaults written out.
    path : the path of the component in the config.
    target : the class or function that is called.
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
    """Return the config keys of a class or factory function, in order.

    If a constructor takes `**kwargs`, the keys of the next constructor in the method resolution
    order are accepted as well, as in AllenNLP. The default of a dataclass field with a
    `default_factory` is the result of one call.

    # Examples

    >>> def greet(name: str, times: int = 1) -> None: ...
    >>> [parameter.name for parameter in parameters(greet)]
    ['name', 'times']
    """
    if not inspect.isclass(target):
        return _own_parameters(target)[0]

    fields = dataclasses.fields(target) if dataclasses.is_dataclass(target) else ()
    factories = {
        field.name: field.default_factory for field in fields if callable(field.default_factory)
    }
    found: dict[str, Parameter] = {}
    for owner in target.__mro__:
        if "__init__" not in vars(owner) or owner is object:
            continue
        own, takes_kwargs = _own_parameters(vars(owner)["__init__"])
        for parameter in own:
            if parameter.name in factories:
                parameter = dataclasses.replace(parameter, default=factories[parameter.name]())
            found.setdefault(parameter.name, parameter)
        if not takes_kwargs:
            break

    return list(found.values())


def _own_parameters(function: Callable[..., Any]) -> tuple[list[Parameter], bool]:
    """Return the named parameters of one function, and whether it takes `**kwargs`."""
    signature = inspect.signature(function)
    hints: dict[str, Any] = {}
    if any(isinstance(p.annotation, str) for p in signature.parameters.values()):
        hints = typing.get_type_hints(function, include_extras=True)

    own = [
        Parameter(p.name, hints.get(p.name, p.annotation), p.default)
        for p in signature.parameters.values()
        if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    takes_kwargs = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    return own, takes_kwargs


def registered(base: type) -> dict[str, Any]:
    """Return everything registered under a base class: by name, the class or constructor."""
    registry: dict[str, Any] = {}
    for name, (target, constructor) in TangoRegistrable._registry.get(base, {}).items():
        registry[name] = getattr(target, constructor) if constructor else target

    return registry
