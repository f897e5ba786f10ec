"""Seeds and states of the random generators of Python, NumPy and torch."""

import random
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int | None, numpy_seed: int | None, torch_seed: int | None) -> None:
    """Seed the random generators of Python, NumPy and torch.

    # Parameters

    seed, numpy_seed, torch_seed : seeds of the generators; None leaves a generator unchanged.

    # Examples

    >>> seed_everything(1, 2, 3)
    >>> first = random.random()
    >>> seed_everything(1, None, None)
    >>> random.random() == first
    True
    """
    if seed is not None:
        random.seed(seed)
    if numpy_seed is not None:
        np.random.seed(numpy_seed)
    if torch_seed is not None:
        torch.manual_seed(torch_seed)


def random_state() -> dict[str, Any]:
    """Return the state of all random generators, in tensors and plain types."""
    version, internal, gauss = random.getstate()
    algorithm, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(internal), gauss],
        "numpy": [
            algorithm,
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            position,
            has_gauss,
            cached,
        ],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "threads": torch.get_num_threads(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Restore a state from `random_state`."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    algorithm, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((algorithm, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
