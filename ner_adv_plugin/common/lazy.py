"""Names that a package exports and imports on first use."""

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy_exports(
    package: str, module_of_name: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package whose names are imported on first use.

    Importing one small module of the package then imports none of the others.

    # Parameters

    package : the dotted name of the package.
    module_of_name : from an exported name to the dotted name of the module that defines it.
    """

    def import_name(name: str) -> object:
        if name not in module_of_name:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")

        value = getattr(importlib.import_module(module_of_name[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of_name})

    return import_name, names
