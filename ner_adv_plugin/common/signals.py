"""SIGTERM as Ctrl-C, so that a stopped job saves what there is."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def interrupt_on_terminate() -> Iterator[None]:
    """Within it, SIGTERM raises `KeyboardInterrupt`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
