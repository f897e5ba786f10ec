"""From the states of a row to one vector, padding left out.

Shape suffixes: B rows, L characters, D state size.
"""

from torch import Tensor


def max_pool(states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
    """Largest value of every dimension over a row's characters, (B, D)."""
    lowest = float("-inf")
    return states_BLD.masked_fill(~mask_BL[..., None], lowest).amax(1)


def mean_pool(states_BLD: Tensor, mask_BL: Tensor) -> Tensor:
    """Mean over a row's characters, (B, D)."""
    total_BD = states_BLD.masked_fill(~mask_BL[..., None], 0.0).sum(1)
    return total_BD / mask_BL.sum(1, keepdim=True).clamp(min=1)


POOLING = {"max": max_pool, "mean": mean_pool}
