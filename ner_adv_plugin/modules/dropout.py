"""Dropout with cheap random numbers on the CPU."""

import numpy as np
import torch
from torch import Tensor

# Number of values of the 16 random bits drawn per element.
_VALUES = 1 << 16


class Dropout(torch.nn.Dropout):
    """`torch.nn.Dropout` that draws 16 random bits per element on the CPU.

    Torch's generator draws one number per element in a single thread, which takes longer than the
    layer that the dropout follows. The dropout probability is exact to 1 / 65,536. On other devices
    this is plain `torch.nn.Dropout`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """In training, zero elements with probability p and scale the others by 1 / (1 - p)."""
        if self.training and 0 < self.p < 1 and input.is_cpu:
            factors = dropout_factors(input.numel(), self.p)
            return input * factors.view(input.shape).to(input.dtype)
        return super().forward(input)


def dropout_factors(count: int, p: float) -> Tensor:
    """Draw `count` dropout factors: 0 with probability p, otherwise 1 / (1 - p).

    The seed is drawn from torch's generator, so that `torch.manual_seed` determines the factors.
    """
    seed = int(torch.randint(np.iinfo(np.int64).max, ()))
    words = np.random.SFC64(seed).random_raw(-(-count // 4))
    bits = torch.from_numpy(words.view(np.int16)[:count])

    dropped = min(round(p * _VALUES), _VALUES - 1)
    # The bits are signed: the lowest values are the ones that are dropped.
    return torch.mul(bits >= dropped - _VALUES // 2, _VALUES / (_VALUES - dropped))


def replace_dropout(module: torch.nn.Module) -> None:
    """Replace every `torch.nn.Dropout` inside a module by `Dropout`."""
    for name, child in module.named_children():
        if type(child) is torch.nn.Dropout:
            setattr(module, name, Dropout(child.p))
        else:
            replace_dropout(child)
