"""What a command line can be completed with: arguments of subcommands, names of components."""

import argparse
import importlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin import __version__
from ner_adv_plugin.commands import COMMANDS, module_of, shared_flags
from ner_adv_plugin.commands.completion import SHELLS
from ner_adv_plugin.common.files import write_json


def file_of_words() -> Path:
    """Return the file of the words, in the cache folder of the user."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    return Path(cache).expanduser() / "ner_adv_plugin" / "completion.json"


def read_words() -> dict[str, Any]:
    """Return the words; empty ones if there is no file, or a damaged one."""
    try:
        words = json.loads(file_of_words().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        words = None
    nothing: dict[str, Any] = {"commands": {}, "components": {}, "formats": []}
    return words if isinstance(words, dict) and words.keys() >= nothing.keys() else nothing


def write_words() -> dict[str, Any]:
    """Collect the words, with those of plugins, and write them; takes seconds.

    # Returns

    The words: `commands` with the arguments of each, `components` with the names below each base
    class, `formats` with those of annotations, and the version of the package.
    """
    from ner_adv_plugin.commands import catalogue
    from ner_adv_plugin.commands.plugins import custom_subcommands, import_components
    from ner_adv_plugin.data.formats.conversion import ALIASES
    from ner_adv_plugin.data.formats.corpus_format import CorpusFormat

    import_components([])
    custom = custom_subcommands([], may_fail=True)
    commands = {}
    for name in [*COMMANDS, *custom]:
        parser = argparse.ArgumentParser(parents=[shared_flags()])
        (custom.get(name) or importlib.import_module(module_of(name))).add_arguments(parser)
        commands[name] = [_described(action) for action in parser._actions]

    components = {
        name: list(catalogue.components(base)) for name, base in catalogue.bases().items()
    }
    words = {
        "version": __version__,
        "commands": commands,
        "components": components,
        "formats": sorted([*CorpusFormat.list_available(), *ALIASES]),
    }
    write_json(file_of_words(), words)
    return words


def parser_of(words: Mapping[str, Any]) -> argparse.ArgumentParser:
    """Return a parser with the arguments of all subcommands, for completion only.

    # Parameters

    words : from `read_words`.
    """
    parser = argparse.ArgumentParser(prog="allennlp", parents=[shared_flags()])
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--install-completion", nargs="?", choices=SHELLS)
    subparsers = parser.add_subparsers(dest="command")
    for name in dict.fromkeys([*COMMANDS, *words["commands"]]):
        # The help is told by argcomplete in shells that show it.
        subparser = subparsers.add_parser(name, help=COMMANDS.get(name, ""), add_help=False)
        for own in words["commands"].get(name, ()):
            subparser.add_argument(*(own["flags"] or [own["dest"]]), **_settings(own))
    return parser


def _described(action: argparse.Action) -> dict[str, Any]:
    """Return what completion needs to know of an argument, as JSON."""
    return {
        "dest": action.dest,
        "flags": list(action.option_strings),
        "nargs": action.nargs,
        "choices": None if action.choices is None else [str(choice) for choice in action.choices],
        "repeats": isinstance(action, argparse._AppendAction),
        "help": action.help,
    }


def _settings(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an argument that `_described` has described."""
    settings = {"help": own["help"]}
    if own["flags"]:
        settings["dest"] = own["dest"]
    if own["nargs"] == 0:
        return {**settings, "action": "store_true"}
    if own["repeats"]:
        settings["action"] = "append"
    return settings | {key: own[key] for key in ("nargs", "choices") if own[key] is not None}
