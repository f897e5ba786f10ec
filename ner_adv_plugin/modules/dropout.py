"""Dropout whose random numbers cost little on a CPU."""

import numpy as np
import torch
from torch import Tensor

# Values of the 16 random bits that decide over one element.
_CHANCES = 1 << 16


class Dropout(torch.nn.Dropout):
    """`torch.nn.Dropout`, on a CPU by 16 random bits an element: drawing a number for each by torch's generator, in one
    thread, takes longer than the layer that it follows. The share dropped is p to 1/65,536.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Elements kept with probability 1 - p and scaled by its inverse, in training."""
        if self.training and 0 < self.p < 1 and input.is_cpu:
            return input * kept(input.numel(), self.p).view(input.shape).to(input.dtype)
        return super().forward(input)


def kept(count: int, p: float) -> Tensor:
    """Factors of dropout, (count,): 0 with probability p, else 1 / (1 - p); torch's generator gives the seed."""
    seed = int(torch.randint(np.iinfo(np.int64).max, ()))
    words = np.random.SFC64(seed).random_raw(-(-count // 4))
    bits = torch.from_numpy(words.view(np.int16)[:count])
    dropped = min(round(p * _CHANCES), _CHANCES - 1)
    # The bits are signed: the lowest value is the first to be dropped.
    return torch.mul(bits >= dropped - _CHANCES // 2, _CHANCES / (_CHANCES - dropped))


def draw_cheaply(module: torch.nn.Module) -> None:
    """Put `Dropout` in the place of every plain dropout inside a module."""
    for name, child in module.named_children():
        if type(child) is torch.nn.Dropout:
            setattr(module, name, Dropout(child.p))
        else:
            draw_cheaply(child)
