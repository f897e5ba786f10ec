"""Device and precision of a run, set up with accelerate."""

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
    """Return the precision that a config selects by `precision` and AllenNLP's `use_amp`.

    # Parameters

    precision : value of the key `precision`.
    use_amp : value of the key `use_amp`: "fp16" on a GPU, "bf16" on a CPU.
    cuda_device : see `make_accelerator`.

    # Raises

    ConfigurationError : if both keys select a precision.

    # Examples

    >>> precision_of("fp32", use_amp=True, cuda_device=-1)
    'bf16'
    """
    if not use_amp:
        return precision

    if precision != "fp32":
        raise ConfigurationError(
            f'duplicates precision "{precision}": remove one of the two keys', "use_amp"
        )
    return "bf16" if use_cpu(cuda_device) else "fp16"


def make_accelerator(precision: Precision, cuda_device: int | None) -> Any:
    """Make the accelerator of one run.

    # Parameters

    precision : precision of the forward pass.
    cuda_device : -1 for the CPU, the number of a GPU, or null for a GPU if there is one.

    # Raises

    ConfigurationError : if the device does not exist, does not support the precision, or is set
        although several processes run.
    """
    if cuda_device is not None and cuda_device >= 0:
        if world_size() > 1:
            raise ConfigurationError(
                "must not be set with several processes: their launcher assigns the GPUs",
                "cuda_device",
            )
        torch.cuda.set_device(device_of(cuda_device))

    on_cpu = use_cpu(cuda_device)
    if on_cpu and precision == "fp16":
        raise ConfigurationError('"fp16" needs a GPU; "bf16" works on a CPU', "precision")

    # The state is global: without a reset it would keep the precision of an earlier run.
    AcceleratorState._reset_state()
    # The sentences of one process may belong to fewer heads than those of another.
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    mixed = {"fp32": "no"}.get(precision, precision)
    return Accelerator(cpu=on_cpu, mixed_precision=mixed, kwargs_handlers=[parallel])
