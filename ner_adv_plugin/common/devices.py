"""Devices by their index in a config."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError


def device_of(cuda_device: int) -> torch.device:
    """Return the device of a `cuda_device` setting.

    # Parameters

    cuda_device : the index of a GPU, or -1 for the CPU.

    # Returns

    The device.

    # Raises

    ConfigurationError : if there is no such GPU.

    # Examples

    >>> device_of(-1)
    device(type='cpu')
    """
    if cuda_device < 0:
        return torch.device("cpu")

    if not torch.cuda.is_available() or cuda_device >= torch.cuda.device_count():
        raise ConfigurationError(f"GPU {cuda_device} is not available", "cuda_device")
    return torch.device("cuda", cuda_device)


def index_tensor(indices: Sequence[int], device: torch.device) -> Tensor:
    """Return indices as a tensor, copied to a device without waiting for it.

    `torch.tensor(indices, device=device)` waits until a GPU has done all earlier work.

    # Parameters

    indices : the indices.
    device : the device.

    # Returns

    The indices, long.

    # Examples

    >>> index_tensor([2, 0], torch.device("cpu"))
    tensor([2, 0])
    """
    return torch.tensor(indices, dtype=torch.long).to(device, non_blocking=True)
