"""Memory of the machine and of this process."""

import contextlib
import ctypes
import os
import time
from pathlib import Path

import torch

# The memory limit of a cgroup, in version 2 and 1.
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
# Seconds after which freed memory is returned to the system. Taking it again costs about 0.1 s.
RELEASE_INTERVAL = 30


def memory_of(device: torch.device, root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes of memory of a device: of a GPU, or of the machine within its cgroup limit.

    It does not depend on how much of it is in use, so that the same run is cut in the same way.

    # Parameters

    device : the device.
    root : the mounted cgroup filesystem.
    """
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)

    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in LIMITS:
        # "max" is no limit.
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int((root / name).read_text(encoding="utf-8")))
    return min(sizes)


def release_memory() -> None:
    """Return freed memory to the system.

    glibc keeps freed tensors of up to 32 MiB for later ones. As batches have ever different
    shapes, they rarely fit, and the memory of the process grows though no tensor lives.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class MemoryRelease:
    """Return freed memory to the system now and then, every `RELEASE_INTERVAL` seconds."""

    def __init__(self) -> None:
        self._released = time.monotonic()

    def release_if_due(self) -> None:
        """Return freed memory, if the last time is long enough ago."""
        if time.monotonic() - self._released >= RELEASE_INTERVAL:
            release_memory()
            self._released = time.monotonic()
