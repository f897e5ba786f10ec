"""Registration of table entries: a class is generated from a signature and a docstring."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import REQUIRED


def parameter(name: str, annotation: Any, default: Any = REQUIRED) -> inspect.Parameter:
    """Return a parameter for the signature of a generated constructor."""
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=default,
        annotation=annotation,
    )


def register(
    base: type[Registrable],
    name: str,
    parameters: Iterable[inspect.Parameter],
    docstring: str | None,
    construct: Callable[..., None],
    *further_bases: type,
) -> None:
    """Register a generated subclass of `base`.

    # Parameters

    base : registry and first base class.
    name : registered name.
    parameters : parameters of the constructor without `self`; they are the config keys.
    docstring : docstring of the class; its section "# Parameters" describes the keys.
    construct : body of the constructor, called with `self` and all parameters by keyword.
    further_bases : base classes after `base`.
    """
    signature = inspect.Signature([parameter("self", Any), *parameters], return_annotation=None)

    def constructor(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        construct(**bound.arguments)

    vars(constructor)["__signature__"] = signature
    class_name = name.title().replace("_", "")
    members = {"__init__": constructor, "__doc__": docstring, "__module__": base.__module__}
    base.register(name)(type(class_name, (base, *further_bases), members))
