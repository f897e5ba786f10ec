"""Batches that mix tasks."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.schedulers.scheduler import MultiTaskScheduler, PlannedBatch, Rows, bucketed, spread


@MultiTaskScheduler.register("roundrobin")
class RoundRobinScheduler(MultiTaskScheduler):
    """Mixes the datasets inside every batch in the proportions of the epoch, within a row or two (`spread`).

    An epoch has ceil(drawn rows / batch_size) batches; all but one have exactly `batch_size` rows. Within a
    pool the shortest rows of every dataset share a batch, so that the mix stays and padding goes.
    Registered as "roundrobin".

    # Parameters

    batch_size : rows a batch.
    pool : see `MultiTaskScheduler`.
    """

    def __init__(self, batch_size: int = 32, pool: int = 50) -> None:
        super().__init__(pool)
        if batch_size < 1:
            raise ConfigurationError(f"expected 1 or more, found {batch_size}", "batch_size")
        self.batch_size = batch_size

    def count(self, rows: Mapping[str, int]) -> int:
        """ceil(sum of rows / batch_size)."""
        return -(-sum(rows.values()) // self.batch_size)

    def batches(self, rows: Rows, lengths: Rows, generator: np.random.Generator) -> list[PlannedBatch]:
        """See `MultiTaskScheduler.batches`."""
        slots = spread({name: len(drawn) for name, drawn in rows.items()})
        mixes = [Counter(slots[i : i + self.batch_size]) for i in range(0, len(slots), self.batch_size)]
        batches: list[PlannedBatch] = [[] for _ in mixes]
        taken = dict.fromkeys(rows, 0)
        for start in range(0, len(mixes), self.pool):
            pool = mixes[start : start + self.pool]
            for name, drawn in rows.items():
                sizes = [mix[name] for mix in pool]
                members = drawn[taken[name] : taken[name] + sum(sizes)]
                taken[name] += len(members)
                for i, group in enumerate(bucketed(members, lengths[name], sizes, generator)):
                    batches[start + i].extend((name, int(row)) for row in group)
        return [batches[i] for i in generator.permutation(len(batches))]
