"""Progress bars on the terminal, or lines in a file."""

import sys
from typing import Any

from tqdm import tqdm

_friendly = False


def make_file_friendly(friendly: bool) -> None:
    """Print a bar as a line now and then instead of redrawing it."""
    global _friendly
    _friendly = friendly


def progress_bar(total: int, description: str) -> Any:
    """A bar over `total` steps, for use in a `with` statement; nothing is drawn where nobody looks."""
    watched = sys.stderr.isatty() or _friendly
    return tqdm(
        total=total,
        desc=description,
        disable=not watched,
        mininterval=10.0 if _friendly else 0.1,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
    )
