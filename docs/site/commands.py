"""Reference pages of subcommands, read off the parsers of the command line."""

import argparse
import contextlib
import os
from collections.abc import Sequence
from unittest.mock import patch

from docs.site.markdown import Pages, row, toctree
from ner_adv_plugin.commands import COMMANDS, main

# Flags of every command, which the overview describes.
COMMON = {"--help", "--include-package"}


def pages() -> Pages:
    """The text of every page, by its path without `.md`: an overview, and one each."""
    result = {"commands/index": _overview(_parser())}
    for name in COMMANDS:
        result[f"commands/{name}"] = _page(name, _parser(name))
    return result


def _parser(*arguments: str) -> argparse.ArgumentParser:
    """The parser that prints the help of a command line."""
    found: list[argparse.ArgumentParser] = []

    def catch(parser: argparse.ArgumentParser, file: object = None) -> None:
        found.append(parser)

    with (
        patch.object(argparse.ArgumentParser, "print_help", catch),
        contextlib.suppress(SystemExit),
    ):
        main([*arguments, "--help"])
    return found[0]


def _overview(parser: argparse.ArgumentParser) -> str:
    lines = ["# Commands", "", "```text", _usage(parser), "```", ""]
    lines += ["| command | what it does |", "|---|---|"]
    lines += [row(f"[`{name}`]({name}.md)", summary) for name, summary in COMMANDS.items()]
    flags = [action for action in parser._actions if action.option_strings]
    lines += ["", "## Flags of every command", "", *_table(flags), ""]
    return "\n".join([*lines, *toctree(COMMANDS)])


def _page(name: str, parser: argparse.ArgumentParser) -> str:
    lines = [f"# `allennlp {name}`", "", parser.description or "", "", "```text", _usage(parser)]
    lines += ["```", ""]
    own = [action for action in parser._actions if not COMMON & set(action.option_strings)]
    flags = [action for action in own if action.option_strings]
    for title, actions in (("Arguments", [a for a in own if a not in flags]), ("Flags", flags)):
        if actions:
            lines += [f"## {title}", "", *_table(actions), ""]
    return "\n".join(lines)


def _usage(parser: argparse.ArgumentParser) -> str:
    with patch.dict(os.environ, COLUMNS="90"):
        lines = parser.format_usage().rstrip().splitlines()
    return "\n".join([lines[0].removeprefix("usage: "), *(line[7:] for line in lines[1:])])


def _table(actions: Sequence[argparse.Action]) -> list[str]:
    lines = ["| argument | meaning |", "|---|---|"]
    for action in actions:
        metavar = f" {_metavar(action)}" if action.nargs != 0 and action.option_strings else ""
        names = action.option_strings or [_metavar(action)]
        shown = ", ".join(f"`{name}{metavar}`" for name in names)
        meaning = (action.help or "") % {"prog": "allennlp", "default": action.default}
        # A switch is off by default.
        if action.nargs != 0 and action.default not in (None, argparse.SUPPRESS, [], ""):
            meaning += f"; `{action.default}` by default"
        lines.append(row(shown, meaning))
    return lines


def _metavar(action: argparse.Action) -> str:
    shown = action.metavar
    if shown is None and action.choices is not None:
        shown = "{" + ",".join(map(str, action.choices)) + "}"
    if shown is None:
        shown = action.dest.upper() if action.option_strings else action.dest
    return shown if isinstance(shown, str) else " ".join(shown)
