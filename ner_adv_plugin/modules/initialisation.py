"""Initial weights that depend on the seed and a component's name, not on what else a model has."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def named_initialisation(name: str) -> Iterator[None]:
    """Draw the random numbers of what is built inside from the run's seed and a name.

    Two models with the same seed then give a tower or head of the same name and shape the same
    initial weights, whatever else they hold, so that runs of two sharing architectures are pairs.
    The generator outside is as it was before.

    # Parameters

    name : of the component, such as `heads.weibo`.
    """
    with torch.random.fork_rng(devices=[]):
        # A seed of 64 bits at most, as torch expects it.
        torch.manual_seed((torch.initial_seed() * 1_000_003 + zlib.crc32(name.encode())) % 2**63)
        yield
