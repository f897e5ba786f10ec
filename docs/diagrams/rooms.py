"""The diagram of the packages and their imports, read off the code."""

import ast
from pathlib import Path

import ner_adv_plugin

ROOT = Path(ner_adv_plugin.__file__).parent


def rooms_dot() -> str:
    """A graph of the packages; an import that another path of imports implies is left out."""
    imports = _imports()
    below = {room: _below(room, imports) for room in imports}
    edges = [
        f"{room} -> {other};"
        for room, others in sorted(imports.items())
        for other in sorted(others)
        if not any(other in below[between] for between in others - {other})
    ]
    nodes = [f"{room};" for room in sorted(imports)]
    return "\n".join(["digraph rooms {", SETTINGS, *nodes, *edges, "}"])


def _imports() -> dict[str, set[str]]:
    """The packages that every package imports from."""
    rooms = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for file in ROOT.glob("*/**/*.py"):
        room = file.relative_to(ROOT).parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            package, _, rest = module.partition(".")
            other = rest.partition(".")[0]
            if package == ROOT.name and other in rooms - {room}:
                found[room].add(other)
    return found


def _below(room: str, imports: dict[str, set[str]]) -> set[str]:
    """All packages that a package imports from, directly or not."""
    return imports[room].union(*(_below(other, imports) for other in imports[room]))


SETTINGS = """
rankdir=LR; nodesep=0.2; ranksep=0.3;
node [shape=box, style="rounded,filled", height=0.4, margin="0.08,0.05"];
"""
