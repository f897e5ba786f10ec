"""Python's search for cyclic garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Do not search for cyclic garbage while the context is open.

    Python searches all its objects each time their number has grown by a quarter. Where many are
    made at once, and none of them in cycles, that takes as long as making them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
