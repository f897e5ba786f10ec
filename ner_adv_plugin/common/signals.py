"""Handling of SIGTERM as Ctrl-C, so that a stopped job saves its best weights."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def interrupt_on_terminate() -> Iterator[None]:
    """Raise `KeyboardInterrupt` on SIGTERM while the context is open.

    Does nothing outside of the main thread, which alone may install signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
