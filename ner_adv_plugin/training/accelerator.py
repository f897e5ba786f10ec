"""Device and precision of a run, set up with accelerate if there are several processes."""

import contextlib
from typing import Any, Literal

import torch
from torch import Tensor

from ner_adv_plugin.common.devices import device_of
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import use_cpu, world_size

Precision = Literal["fp32", "bf16", "fp16"]
# The values of the key `precision`.
PrecisionSetting = Literal["fp32", "bf16", "fp16", "auto"]


class OneProcess:
    """The methods of accelerate's `Accelerator` for one process in fp32, where they add nothing.

    Importing accelerate takes a fifth of a second.

    # Parameters

    device : device of the model.
    """

    mixed_precision = "no"
    scaler = None

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def prepare(self, *objects: Any) -> tuple[Any, ...]:
        """Return the model and the optimizer as they are."""
        return objects

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss."""
        loss.backward()

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that changes no precision."""
        return contextlib.nullcontext()

    def no_sync(self, model: Any) -> contextlib.AbstractContextManager[None]:
        """Return a context that changes nothing: there is nobody to synchronise with."""
        return contextlib.nullcontext()

    def unscale_gradients(self) -> None:
        """Leave the gradients as they are, which are not scaled."""


def precision_of(
    precision: PrecisionSetting, use_amp: bool, cuda_device: int | None
) -> PrecisionSetting:
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

    if precision == "fp32" and world_size() == 1:
        if on_cpu:
            return OneProcess(torch.device("cpu"))
        return OneProcess(torch.device("cuda", torch.cuda.current_device()))

    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import DistributedDataParallelKwargs

    # The state is global: without a reset it would keep the precision of an earlier run.
    AcceleratorState._reset_state()
    # The sentences of one process may belong to fewer heads than those of another. Gradients are
    # written where they are exchanged, which saves a copy of them in each direction.
    parallel = DistributedDataParallelKwargs(
        find_unused_parameters=True, gradient_as_bucket_view=True
    )
    mixed = {"fp32": "no"}.get(precision, precision)
    return Accelerator(cpu=on_cpu, mixed_precision=mixed, kwargs_handlers=[parallel])
