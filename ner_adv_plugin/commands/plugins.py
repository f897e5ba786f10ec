"""Importing the packages whose components configs name."""

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ner_adv_plugin.common.errors import UserError

OWN = "ner_adv_plugin"
FLAG = "--include-package"
# Files that name a package a line: of the current folder, of the user.
PLUGIN_FILES = (".allennlp_plugins", os.path.join("~", ".allennlp", "plugins"))


def import_components(packages: Sequence[str]) -> None:
    """Import this package's components, and every module of each package that a plugin file or `packages` names.

    A package is looked for in the current folder too. Raises `UserError` where one is not found.
    """
    importlib.import_module(f"{OWN}.components")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    for package, source in [*_listed_packages(), *((package, FLAG) for package in packages)]:
        if package != OWN:
            _import_whole(package, source)


def _listed_packages() -> Iterator[tuple[str, str]]:
    """The packages that plugin files name, and where: blank lines and what follows a # are skipped."""
    for name in PLUGIN_FILES:
        file = Path(os.path.expanduser(name))
        if not file.is_file():
            continue
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: no list of packages: {error}") from error
        for number, line in enumerate(lines, start=1):
            if package := line.partition("#")[0].strip():
                yield package, f"{file}:{number}"


def _import_whole(name: str, source: str) -> None:
    """Import a package with all its modules; `source` says who asked for it."""
    if not all(name.split(".")):
        raise UserError(f'{source}: expected the dotted name of a package, found "{name}"')
    try:
        module = importlib.import_module(name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is None or not (name == missing or name.startswith(f"{missing}.")):
            error.add_note(f'while importing "{name}", asked for by {source}')
            raise
        raise UserError(f'{source}: no package "{name}" here or installed') from error
    for _, child, _ in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if child != "__main__":
            _import_whole(f"{name}.{child}", source)
