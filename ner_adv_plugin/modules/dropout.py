"""Dropout with cheap random numbers on the CPU."""

import numpy as np
import torch
from numpy.typing import NDArray
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
    return FactorStream(draw_seed(), p).next(count)


def draw_seed() -> int:
    """Draw the seed of a `FactorStream` from torch's generator."""
    return int(torch.randint(np.iinfo(np.int64).max, ()))


class FactorStream:
    """Dropout factors in parts: the factors do not depend on how many are taken at a time.

    # Parameters

    seed : determines the factors.
    p : dropout probability.

    # Examples

    >>> whole, parts = FactorStream(7, 0.5), FactorStream(7, 0.5)
    >>> torch.equal(whole.next(9), torch.cat([parts.next(3), parts.next(6)]))
    True
    """

    def __init__(self, seed: int, p: float) -> None:
        self.generator = np.random.SFC64(seed)
        self.dropped = min(round(p * _VALUES), _VALUES - 1)
        # Random numbers that are drawn but not used: a draw gives four.
        self.rest: NDArray[np.int16] = np.empty(0, np.int16)

    def next(self, count: int) -> Tensor:
        """Return the next `count` factors."""
        words = self.generator.random_raw(-(-(count - len(self.rest)) // 4))
        bits = words.view(np.int16)
        if len(self.rest):
            bits = np.concatenate([self.rest, bits])
        self.rest = bits[count:].copy()
        # The bits are signed: the lowest values are the ones that are dropped.
        kept = torch.from_numpy(bits[:count]) >= self.dropped - _VALUES // 2
        return torch.mul(kept, _VALUES / (_VALUES - self.dropped))


def replace_dropout(module: torch.nn.Module) -> None:
    """Replace every `torch.nn.Dropout` inside a module by `Dropout`."""
    for name, child in module.named_children():
        if type(child) is torch.nn.Dropout:
            setattr(module, name, Dropout(child.p))
        else:
            replace_dropout(child)
