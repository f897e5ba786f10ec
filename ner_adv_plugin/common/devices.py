"""Devices by the numbers that configs give them."""

import torch

from ner_adv_plugin.common.errors import ConfigurationError


def device_of(cuda_device: int) -> torch.device:
    """The GPU of this number, or the CPU for -1; `ConfigurationError` where there is no such GPU."""
    if cuda_device < 0:
        return torch.device("cpu")
    if not torch.cuda.is_available() or cuda_device >= torch.cuda.device_count():
        raise ConfigurationError(f"no GPU {cuda_device} here", "cuda_device")
    return torch.device("cuda", cuda_device)
