"""Set up completion in a shell: `allennlp --install-completion`."""

import argparse
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.commands.completion import SHELLS
from ner_adv_plugin.commands.completion.words import file_of_words, write_words
from ner_adv_plugin.common.errors import UserError, nearest
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.files import write_text

# What the script needs: zsh's completion system.
_BEFORE = {
    "bash": "",
    "zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit; compinit; }; ",
}


class InstallCompletion(argparse.Action):
    """The flag `--install-completion [SHELL]`, which ends the program as `--version` does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Set completion up and print what was done."""
        for line in install(str(values) if values else None):
            print(line)
        parser.exit()


def install(shell: str | None) -> Iterator[str]:
    """Set up completion in a shell, and yield what was done; a second call changes nothing.

    # Parameters

    shell : "bash", "zsh" or "fish"; by default that of the variable SHELL.

    # Raises

    UserError : if the shell is another one, or argcomplete is missing.
    """
    chosen = shell or Path(os.environ.get("SHELL", "")).name
    if chosen not in SHELLS:
        raise UserError(
            f'--install-completion: "{chosen}" is not a shell with completion, which are'
            f" {', '.join(SHELLS)}.{nearest(chosen, SHELLS)}"
        )
    argcomplete: Any = require_extra("argcomplete", "--install-completion")

    script = _script(chosen)
    yield _written(script, argcomplete.shellcode(["allennlp"], shell=chosen))
    start_file = _start_file(chosen)
    if start_file is not None:
        yield _with_line(start_file, _line(chosen, script))
    words = write_words()
    count = len({name for names in words["components"].values() for name in names})
    yield f"{file_of_words()}: {len(words['commands'])} commands, {count} components"
    yield f"Open a new {chosen}, then TAB completes `allennlp`. After an upgrade run this again."


def _script(shell: str) -> Path:
    """Return the file of the script that tells a shell how to complete."""
    if shell == "fish":
        return _home("XDG_CONFIG_HOME", ".config") / "fish" / "completions" / "allennlp.fish"
    return _home("XDG_DATA_HOME", ".local", "share") / "ner_adv_plugin" / f"completion.{shell}"


def _start_file(shell: str) -> Path | None:
    """Return the file that a shell reads when it starts; None if it finds the script itself."""
    if shell == "fish":
        return None
    return Path.home() / ".bashrc" if shell == "bash" else _home("ZDOTDIR") / ".zshrc"


def _line(shell: str, script: Path) -> str:
    """Return the line of the start file that loads the script, if it is still there."""
    path = shlex.quote(str(script))
    # The script needs zsh's completion system.
    load = (
        ""
        if shell == "bash"
        else "(( $+functions[compdef] )) || { autoload -Uz compinit; compinit; }; "
    )
    return f"if [ -f {path} ]; then {load}source {path}; fi  # completion of allennlp"


def _home(variable: str, *default: str) -> Path:
    """Return the folder that a variable names, by default one in the home folder."""
    found = os.environ.get(variable)
    return Path(found) if found else Path.home().joinpath(*default)


def _written(path: Path, content: str) -> str:
    if path.is_file() and path.read_text(encoding="utf-8") == content:
        return f"{path}: up to date"
    write_text(path, content)
    return f"{path}: written"


def _with_line(path: Path, line: str) -> str:
    """Add a line to the end of a file, unless it has it."""
    # Written in place: it may be a link, and has the user's permissions.
    before = path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""
    if line in before.splitlines():
        return f"{path}: has the line that loads it"
    break_before = "" if not before or before.endswith("\n") else "\n"
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{break_before}{line}\n")
    except OSError as error:
        raise UserError(f"cannot add the line that loads it to {path}: {error}") from error
    return f"{path}: added the line that loads it"
