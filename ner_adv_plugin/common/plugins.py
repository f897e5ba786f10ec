"""Importing the packages whose components configs name."""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ner_adv_plugin.common.errors import UserError

OWN = "ner_adv_plugin"


def import_components(packages: Sequence[str]) -> None:
    """Import this package's components, and every module of each package named.

    A package is looked for in the current folder too. Raises `UserError` where one is not found.
    """
    importlib.import_module(f"{OWN}.components")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    for package in packages:
        if package != OWN:
            _import_whole(package)


def _import_whole(name: str) -> None:
    if not all(name.split(".")):
        raise UserError(f'--include-package: expected the dotted name of a package, found "{name}"')
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and not (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise UserError(f'--include-package: no package "{name}" here or installed') from error
    for _, child, _ in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if child != "__main__":
            _import_whole(f"{name}.{child}")
