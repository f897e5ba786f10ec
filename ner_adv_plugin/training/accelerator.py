"""Devices and precision, through accelerate."""

from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs

from ner_adv_plugin.common.devices import device_of
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import use_cpu, world_size

Precision = Literal["fp32", "bf16", "fp16"]


def precision_of(precision: Precision, use_amp: bool, cuda_device: int | None) -> Precision:
    """What `precision` and AllenNLP's `use_amp` ask for together."""
    if not use_amp:
        return precision
    if precision != "fp32":
        raise ConfigurationError(
            f'says the same as precision "{precision}" beside it: leave it out', "use_amp"
        )
    return "bf16" if use_cpu(cuda_device) else "fp16"


def make_accelerator(precision: Precision, cuda_device: int | None) -> Any:
    """An accelerator for one run.

    # Parameters

    precision : of the forward pass.
    cuda_device : -1 for the CPU, a GPU's number, or null for a GPU where there is one.
    """
    if cuda_device is not None and cuda_device >= 0:
        if world_size() > 1:
            raise ConfigurationError(
                "several processes take the GPUs that their launcher gives them", "cuda_device"
            )
        torch.cuda.set_device(device_of(cuda_device))
    on_cpu = use_cpu(cuda_device)
    if on_cpu and precision == "fp16":
        raise ConfigurationError('"fp16" needs a GPU; "bf16" works on a CPU', "precision")
    # Its state outlives it and would hold another run's precision.
    AcceleratorState._reset_state()
    # The sentences of one process may leave out a head that others' have.
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    mixed = {"fp32": "no"}.get(precision, precision)
    return Accelerator(cpu=on_cpu, mixed_precision=mixed, kwargs_handlers=[parallel])
