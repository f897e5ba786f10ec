"""Devices by their index in a config."""

import torch

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
