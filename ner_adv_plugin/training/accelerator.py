"""Devices and precision, through accelerate."""

from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from ner_adv_plugin.common.errors import ConfigurationError

Precision = Literal["fp32", "bf16", "fp16"]


def device_of(cuda_device: int) -> torch.device:
    """The GPU of this number, or the CPU for -1; `ConfigurationError` where there is no such GPU."""
    if cuda_device < 0:
        return torch.device("cpu")
    if not torch.cuda.is_available() or cuda_device >= torch.cuda.device_count():
        raise ConfigurationError(f"no GPU {cuda_device} here", "cuda_device")
    return torch.device("cuda", cuda_device)


def make_accelerator(precision: Precision, cuda_device: int | None) -> Any:
    """An accelerator for one run.

    # Parameters

    precision : of the forward pass.
    cuda_device : -1 for the CPU, a GPU's number, or null for a GPU where there is one.
    """
    if cuda_device is not None and cuda_device >= 0:
        torch.cuda.set_device(device_of(cuda_device))
    on_cpu = cuda_device == -1 or not torch.cuda.is_available()
    if on_cpu and precision == "fp16":
        raise ConfigurationError('"fp16" needs a GPU; "bf16" works on a CPU', "precision")
    # Its state outlives it and would hold another run's precision.
    AcceleratorState._reset_state()
    return Accelerator(cpu=on_cpu, mixed_precision={"fp32": "no"}.get(precision, precision))
