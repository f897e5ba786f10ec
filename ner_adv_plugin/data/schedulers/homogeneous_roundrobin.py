"""Batches of one task each, the tasks taking turns."""

from collections.abc import Mapping

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.schedulers.scheduler import MultiTaskScheduler, PlannedBatch, Rows, bucketed, spread


@MultiTaskScheduler.register("homogeneous_roundrobin")
class HomogeneousRoundRobinScheduler(MultiTaskScheduler):
    """Makes batches of one dataset each; the datasets take turns in proportion to their batches.

    A dataset of n drawn rows has ceil(n / its batch size) batches an epoch.
    Registered as "homogeneous_roundrobin".

    # Parameters

    batch_size : rows a batch, one number or one for every dataset.
    pool : see `MultiTaskScheduler`; batches of one dataset.
    """

    def __init__(self, batch_size: int | dict[str, int] = 32, pool: int = 50) -> None:
        super().__init__(pool)
        sizes = batch_size.items() if isinstance(batch_size, dict) else [("", batch_size)]
        for name, size in sizes:
            if size < 1:
                raise ConfigurationError(f"expected 1 or more, found {size}", f"batch_size.{name}".rstrip("."))
        self.batch_size = batch_size

    def _size(self, name: str) -> int:
        if not isinstance(self.batch_size, dict):
            return self.batch_size
        if name not in self.batch_size:
            known = nearest(name, self.batch_size)
            raise ConfigurationError(
                f"missing batch size of a dataset.{known}", f"data_loader.scheduler.batch_size.{name}"
            )
        return self.batch_size[name]

    def count(self, rows: Mapping[str, int]) -> int:
        """Sum over datasets of ceil(rows / batch size)."""
        for name in self.batch_size if isinstance(self.batch_size, dict) else ():
            if name not in rows:
                raise ConfigurationError(
                    f"no dataset of this name.{nearest(name, rows)}", f"data_loader.scheduler.batch_size.{name}"
                )
        return sum(-(-count // self._size(name)) for name, count in rows.items())

    def batches(self, rows: Rows, lengths: Rows, generator: np.random.Generator) -> list[PlannedBatch]:
        """See `MultiTaskScheduler.batches`."""
        own = {name: self._own(drawn, lengths[name], self._size(name), generator) for name, drawn in rows.items()}
        turns = {name: iter(groups) for name, groups in own.items()}
        order = spread({name: len(groups) for name, groups in own.items()})
        return [[(name, int(row)) for row in next(turns[name])] for name in order]

    def _own(
        self, drawn: np.ndarray, lengths: np.ndarray, size: int, generator: np.random.Generator
    ) -> list[np.ndarray]:
        """One dataset's batches, in random order."""
        groups: list[np.ndarray] = []
        for start in range(0, len(drawn), size * self.pool):
            pool = drawn[start : start + size * self.pool]
            full, rest = divmod(len(pool), size)
            groups += bucketed(pool, lengths, [size] * full + ([rest] if rest else []), generator)
        return [groups[i] for i in generator.permutation(len(groups))]
