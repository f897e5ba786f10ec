"""Memory that the best readings of a sentence take, and how many fit."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ner_adv_plugin.common.errors import UserError

if TYPE_CHECKING:
    import torch

# Memory of a container: limit and use of control groups, version 2 and 1.
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
# Readings of all sentences that are decoded and held together.
READINGS_HELD = 1 << 15


def reading_bytes(length: int, states: int) -> int:
    """Estimate the memory of one of the n best readings of a sentence.

    # Parameters

    length : number of characters.
    states : number of tags and one more; 0 for a head that scores spans.

    # Examples

    Back pointers of 40 characters and 17 tags, candidates of one character, and the answer:

    >>> reading_bytes(40, 18)
    10168
    """
    back_pointers = 4 * length * states
    candidates = 12 * states**2
    answer = 1000 + 60 * length
    return back_pointers + candidates + answer


def memory_budget(device: "torch.device | None" = None) -> int:
    """Return half of the free memory in bytes: of the machine or container, and of a GPU.

    # Parameters

    device : the device that computes; None for the CPU.
    """
    free = [_free_in_machine(), *_free_in_groups()]
    if device is not None and device.type == "cuda":
        import torch

        free.append(torch.cuda.mem_get_info(device)[0])
    return min(free) // 2


def check_n_best(n: int, length: int, states: int, budget: int) -> None:
    """Check that the n best readings of a sentence fit into memory.

    # Parameters

    n : number of readings.
    length, states : see `reading_bytes`.
    budget : number of bytes that they may take.

    # Raises

    UserError : if they do not fit; names how many do.
    """
    needed = n * reading_bytes(length, states)
    if needed > budget:
        most = budget // reading_bytes(length, states)
        raise UserError(
            f"n_best {n} on {length} characters takes about {needed / 1e9:.1f} GB: expected at "
            f"most {most} here, which take half of the free memory"
        )


def _free_in_machine() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        # A system that does not say: assume little.
        return 4 << 30


def _free_in_groups() -> list[int]:
    free = []
    for limit, used in _GROUPS:
        try:
            free.append(max(0, int(Path(limit).read_text()) - int(Path(used).read_text())))
        except (OSError, ValueError):
            continue  # no such group, or no limit ("max")
    return free
