"""Output for a terminal, without colours if the variable NO_COLOR is set."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# Columns of a table if the output is no terminal.
WIDTH = 120


def no_colors() -> bool:
    """Return whether the user wants no colours: NO_COLOR is set to anything (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def console(stderr: bool = False) -> "Console":
    """Return a console of rich for tables; every table is printed by one from here.

    It prints neither colours nor bold or italic text if NO_COLOR is set. If the output is no
    terminal, it is 120 columns wide.

    # Parameters

    stderr : print to stderr instead of stdout.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr,
        width=None if stream.isatty() else WIDTH,
        color_system=None if no_colors() else "auto",
    )
