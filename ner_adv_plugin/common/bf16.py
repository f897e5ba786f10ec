"""Devices with and without instructions for bfloat16."""

import functools
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ner_adv_plugin.common.processor import CPUINFO, cpu_fields

logger = logging.getLogger(__name__)
# Flags of CPUs with instructions for bfloat16: of Intel and AMD, and of ARM.
FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})


def supports_bf16(device: torch.device, cpuinfo: Path = CPUINFO) -> bool:
    """Return whether a device has instructions for bfloat16.

    # Parameters

    device : the device.
    cpuinfo : description of the CPU by Linux; if it is missing, the answer is no.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        return flags_have_bf16(cpuinfo.read_text(encoding="utf-8"))
    except OSError:
        return False


@functools.cache
def _cpu_supports_bf16() -> bool:
    return supports_bf16(torch.device("cpu"))


def warn_if_emulated(device: torch.device) -> None:
    """Warn that a device has no instructions for bfloat16, and so is slow in it.

    A CPU that Linux does not describe is not judged.
    """
    is_known = device.type != "cpu" or CPUINFO.is_file()
    if is_known and not supports_bf16(device):
        logger.warning(
            "precision: this %s has no instructions for bf16 and emulates it, far slower than fp32:"
            ' set precision "auto" or "fp32"',
            device.type.upper(),
        )


_lock = threading.Lock()
_inside, _was_enabled = 0, True


@contextmanager
def any_cpu() -> Iterator[None]:
    """Make recurrences work on any CPU under autocast in bfloat16.

    oneDNN's LSTM, which torch takes for sequences of one length, raises an error on a CPU without
    instructions for bfloat16; torch has one of its own. Enter it after autocast; several threads
    may.
    """
    if not torch.is_autocast_enabled("cpu") or _cpu_supports_bf16():
        yield
        return

    global _inside, _was_enabled
    onednn: Any = torch.backends.mkldnn
    with _lock:
        if not _inside:
            _was_enabled = onednn.enabled
        _inside += 1
        onednn.enabled = False
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            onednn.enabled = _was_enabled and not _inside


def flags_have_bf16(cpuinfo: str) -> bool:
    """Return whether the first CPU of a `/proc/cpuinfo` has instructions for bfloat16.

    # Examples

    >>> flags_have_bf16("flags : fpu avx512_bf16"), flags_have_bf16("flags : fpu avx512f")
    (True, False)
    """
    fields = cpu_fields(cpuinfo)
    flags = fields.get("flags") or fields.get("Features") or ""
    return not FLAGS.isdisjoint(flags.split())
