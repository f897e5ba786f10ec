"""Answer the shell on TAB; imports neither torch nor the components."""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.commands.completion.words import parser_of, read_words
from ner_adv_plugin.common.extras import require_extra

Completer = Callable[..., Iterable[str]]
ARCHIVES = (".tar.gz",)
CONFIGS = (".jsonnet", ".json", ".libsonnet")
# Arguments of any subcommand whose value is an archive or the folder of a run, or a config.
OF_ARCHIVES = ("archive_file", "checkpoint1", "checkpoint2", "run_a", "run_b")
OF_CONFIGS = ("param_path", "study")
# Subcommands with formats of annotations, in `--from` and `--to`.
WITH_FORMATS = ("convert", "init", "quickstart")


def complete() -> None:
    """Write the completions of the line in COMP_LINE for the shell, and end the process."""
    argcomplete: Any = require_extra("argcomplete", "completion on TAB")
    words = read_words()
    parser = parser_of(words)
    for name, subparser in _subparsers(parser).items():
        for action in subparser._actions:
            completer = _completer(name, action.dest, words)
            if completer is not None:
                # The attribute that argcomplete reads.
                vars(action)["completer"] = completer
    argcomplete.autocomplete(parser, default_completer=argcomplete.FilesCompleter())


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    action = next(one for one in parser._actions if one.dest == "command")
    assert isinstance(action, argparse._SubParsersAction)
    return dict(action.choices)


def _completer(command: str, dest: str, words: Mapping[str, Any]) -> Completer | None:
    """Return what completes an argument; None for any file."""
    if dest in OF_ARCHIVES:
        return _files(ARCHIVES)
    if dest in OF_CONFIGS:
        return _files(CONFIGS)
    if (command, dest) == ("explain", "folder"):
        return _files(())
    if (command, dest) == ("recipes", "name"):
        return _recipes
    components: Mapping[str, list[str]] = words["components"]
    if (command, dest) == ("components", "name"):
        return _names(sorted({*components, *(name for own in components.values() for name in own)}))
    if dest == "predictor":
        return _names(components.get("Predictor", []))
    if command in WITH_FORMATS and dest in ("source", "target"):
        return _names(words["formats"])
    return None


def _names(names: list[str]) -> Completer:
    def complete_name(prefix: str, **_: Any) -> list[str]:
        return [name for name in names if name.startswith(prefix)]

    return complete_name


def _recipes(prefix: str, **_: Any) -> list[str]:
    from ner_adv_plugin.commands.recipes import recipe_names

    return [name for name in recipe_names() if name.startswith(prefix)]


def _files(suffixes: tuple[str, ...]) -> Completer:
    """Return a completer of folders and of files with one of some suffixes."""

    def complete_file(prefix: str, **_: Any) -> list[str]:
        start, name = os.path.split(prefix)
        folder = Path(start).expanduser() if start else Path()
        found = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            is_folder = path.is_dir()
            hidden = path.name.startswith(".") and not name.startswith(".")
            fits = path.name.startswith(name) and not hidden
            if fits and (is_folder or path.name.endswith(suffixes)):
                found.append(os.path.join(start, path.name) + ("/" if is_folder else ""))
        return found

    return complete_file
