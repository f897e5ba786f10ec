"""The environment that the first set-up command of the README makes: the package without extras.

Instead of a second environment, processes get a `sitecustomize` that hides all modules of packages
that `pip install .` would not bring.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.tiny import ROOT

# Hides modules, as if their packages were not installed.
SITECUSTOMIZE = """
import sys

HIDDEN = {hidden!r}


class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            return None
        return self.finder.find_spec(name, path, target)


sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""


def requirements() -> list[Requirement]:
    """The requirements of the package without extras, read from setup.py."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (names,) = (
        ast.literal_eval(keyword.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "install_requires"
    )
    return [Requirement(name) for name in names]


def normalised(name: str) -> str:
    """The name of a distribution, as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def core_distributions() -> frozenset[str]:
    """The distributions that `pip install .` brings, those of an environment itself included."""
    found = {"pip", "setuptools", "wheel", "ner-adv-plugin"}
    waiting = requirements()
    while waiting:
        requirement = waiting.pop()
        name = normalised(requirement.name)
        if name in found:
            continue
        found.add(name)
        try:
            inner = metadata.requires(requirement.name) or []
        except metadata.PackageNotFoundError:
            continue
        extras = requirement.extras or {""}
        waiting += [
            other
            for other in map(Requirement, inner)
            if other.marker is None
            or any(other.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
        ]
    return frozenset(found)


@cache
def hidden_modules() -> frozenset[str]:
    """The modules of all other distributions of this environment."""
    core = core_distributions()
    return frozenset(
        module
        for module, names in metadata.packages_distributions().items()
        if not any(normalised(name) in core for name in names)
        and module not in sys.stdlib_module_names
        and module not in ("ner_adv_plugin", "tests", "benchmarks", "docs")
    )


def write_sitecustomize(folder: Path) -> Path:
    """Write the module that hides others to a folder, which goes first on PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    text = SITECUSTOMIZE.format(hidden=sorted(hidden_modules()))
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
    return folder


def imported_modules(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every import statement below a folder, with the first part of the module's name.

    Imports for the type checker alone are left out.
    """
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        unseen = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in node.body
        }
        for node in ast.walk(tree):
            if id(node) in unseen:
                continue
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield path, alias.name.partition(".")[0]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield path, node.module.partition(".")[0]
