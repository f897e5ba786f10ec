"""Progress bars for a terminal, or progress lines for a file."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from ner_adv_plugin.common.terminal import no_colors

logger = logging.getLogger(__name__)
# Seconds between two lines without a terminal, and with `make_file_friendly`.
INTERVAL, FRIENDLY_INTERVAL = 30.0, 10.0

_friendly = False


def make_file_friendly(friendly: bool) -> None:
    """Choose between lines that are printed every ten seconds and bars that are redrawn."""
    global _friendly
    _friendly = friendly


def bars_are_shown() -> bool:
    """Return whether stderr is a terminal and `make_file_friendly` did not choose lines."""
    return sys.stderr.isatty() and not _friendly


def interval() -> float:
    """Return the seconds between two lines."""
    return FRIENDLY_INTERVAL if _friendly else INTERVAL


class Pace:
    """Tell when the next line of progress is due, and how long the rest will take.

    # Parameters

    total : number of steps.
    done : number of steps that were done before, such as those of a resumed run.
    clock : returns the time in seconds.

    # Examples

    >>> now = 0.0
    >>> pace = Pace(total=100, clock=lambda: now)
    >>> now = 29.0
    >>> pace.is_due()
    False
    >>> now = 30.0
    >>> pace.is_due(), pace.is_due(), pace.left(10)
    (True, False, '4 min 30 s')
    """

    def __init__(
        self, total: int, done: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self._done_before = done
        self._clock = clock
        self._started = self._last = clock()

    def is_due(self) -> bool:
        """Return whether a line is due; if so, the next is due `interval` later."""
        now = self._clock()
        if now - self._last < interval():
            return False
        self._last = now
        return True

    def left(self, done: int) -> str:
        """Estimate the remaining time, if the steps to come take as long as those so far.

        # Parameters

        done : number of steps done.
        """
        own = done - self._done_before
        if own <= 0:
            return "unknown time"
        rest = max(0, self.total - done)
        return duration(rest * (self._clock() - self._started) / own)


def duration(seconds: float) -> str:
    """Return a duration in words.

    # Examples

    >>> [duration(seconds) for seconds in (0.4, 59.6, 90, 3600, 100000)]
    ['0 s', '1 min 00 s', '1 min 30 s', '1 h 00 min', '27 h 46 min']
    """
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


class ProgressLines:
    """Stand-in for a progress bar that logs a line every `interval`.

    # Parameters

    total, clock : see `Pace`.
    description : the text before the numbers.
    """

    # As of a bar that is not shown.
    disable = True

    def __init__(
        self, total: int, description: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pace = Pace(total, clock=clock)
        self._description = description
        self._done = 0

    def __enter__(self) -> "ProgressLines":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def update(self, count: int) -> None:
        """Count steps, and log a line if one is due."""
        self._done += count
        if self._pace.is_due():
            numbers = (self._done, self._pace.total, self._pace.left(self._done))
            logger.info("%s: %d of %d, about %s left", self._description, *numbers)


def progress_bar(total: int, description: str, lines: bool = True) -> Any:
    """Return a progress bar for a `with` statement.

    # Parameters

    total : the number of steps.
    description : the text before the bar.
    lines : if bars are not shown, see `bars_are_shown`, log a line every `interval`.
    """
    enabled = bars_are_shown()
    if lines and not enabled:
        return ProgressLines(total, description)

    # The variable TQDM_COLOUR sets a colour.
    colour = {"colour": None} if no_colors() else {}
    return tqdm(
        total=total,
        desc=description,
        disable=not enabled,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
        **colour,
    )
