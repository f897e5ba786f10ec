"""Progress bars for a terminal, or progress lines for a file."""

import sys
from typing import Any

from tqdm import tqdm

_friendly = False


def make_file_friendly(friendly: bool) -> None:
    """Choose between lines that are printed every ten seconds and bars that are redrawn."""
    global _friendly
    _friendly = friendly


def progress_bar(total: int, description: str) -> Any:
    """Return a progress bar for a `with` statement.

    It is disabled if stderr is not a terminal, unless `make_file_friendly` was called.

    # Parameters

    total : the number of steps.
    description : the text before the bar.
    """
    enabled = sys.stderr.isatty() or _friendly
    return tqdm(
        total=total,
        desc=description,
        disable=not enabled,
        mininterval=10.0 if _friendly else 0.1,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
    )
