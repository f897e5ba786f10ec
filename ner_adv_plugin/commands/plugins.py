"""Importing plugins: packages with custom components and subcommands."""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ner_adv_plugin.common.errors import UserError

# As in `typing`, which is not imported here to keep `allennlp --help` fast.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ner_adv_plugin.commands.subcommand import Subcommand

OWN = "ner_adv_plugin"
FLAG = "--include-package"
# The entry point group; each entry point names a package.
GROUP = "ner_adv_plugin.plugins"
# Plugin files, with one package per line: of the current folder and of the user.
PLUGIN_FILES = (".allennlp_plugins", os.path.join("~", ".allennlp", "plugins"))


def import_components(packages: Sequence[str]) -> None:
    """Import the components of this package, then plugins; see `import_plugins`."""
    importlib.import_module(f"{OWN}.components")
    import_plugins(packages)


def import_plugins(packages: Sequence[str]) -> None:
    """Import every module of each package named by an entry point, a plugin file or `packages`.

    The current folder is on the search path.

    # Parameters

    packages : dotted names of packages.

    # Raises

    UserError : if a package is not found, or if the import of an entry point's package fails.
        Errors in other packages are raised as they are, for their author to see the traceback.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))

    _import_installed()
    for package, source in [*_listed_packages(), *((package, FLAG) for package in packages)]:
        if package != OWN:
            _import_whole(package, source)


def custom_subcommands(packages: Sequence[str], may_fail: bool) -> dict[str, "Subcommand"]:
    """Import plugins and return their subcommands by name.

    # Parameters

    packages : see `import_plugins`.
    may_fail : print a warning, instead of raising an error, if a plugin cannot be imported.
    """
    try:
        import_plugins(packages)
    except Exception as error:
        if not may_fail:
            raise
        message = "; ".join([str(error), *getattr(error, "__notes__", [])])
        print(f"warning: not all commands are listed: {message}", file=sys.stderr)

    # The base class is slow to import. If a plugin registers a subcommand, it is already imported.
    module = sys.modules.get("ner_adv_plugin.commands.subcommand")
    if module is None:
        return {}
    base: type[Subcommand] = module.Subcommand
    return {name: base.by_name(name)() for name in base.list_available()}


def _import_installed() -> None:
    """Import the packages that entry points of installed distributions name."""
    # The import of importlib.metadata takes as long as everything else in `allennlp --help`.
    files = (file for folder in sys.path for file in Path(folder).glob("*-info/entry_points.txt"))
    if not any(GROUP in file.read_text(encoding="utf-8", errors="replace") for file in files):
        return
    from importlib import metadata

    for entry_point in metadata.entry_points(group=GROUP):
        distribution = entry_point.dist.name if entry_point.dist else "an unknown distribution"
        source = f'entry point "{entry_point.name}" of {distribution}'
        try:
            _import_whole(entry_point.value, source)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f'{source}: cannot import "{entry_point.value}": {error!r}') from error


def _listed_packages() -> Iterator[tuple[str, str]]:
    """Yield each package of the plugin files with its file and line; comments start with #."""
    for name in PLUGIN_FILES:
        file = Path(os.path.expanduser(name))
        if not file.is_file():
            continue
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: cannot read the list of packages: {error}") from error
        for number, line in enumerate(lines, start=1):
            if package := line.partition("#")[0].strip():
                yield package, f"{file}:{number}"


def _import_whole(name: str, source: str) -> None:
    """Import a package with all its modules.

    # Parameters

    name : the dotted name of the package.
    source : the flag, file or entry point that names it, for error messages.
    """
    from pkgutil import iter_modules

    if not all(name.split(".")):
        raise UserError(f'{source}: expected the dotted name of a package, found "{name}"')
    try:
        module = importlib.import_module(name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is None or not (name == missing or name.startswith(f"{missing}.")):
            error.add_note(f'while importing "{name}", named by {source}')
            raise
        raise UserError(
            f'{source}: package "{name}" is neither installed nor in the current folder'
        ) from error

    for _, child, _ in iter_modules(getattr(module, "__path__", [])):
        if child != "__main__":
            _import_whole(f"{name}.{child}", source)
