"""Batches of one dataset each, the datasets taking turns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.schedulers.batch_limit import BatchLimit
from ner_adv_plugin.data.batching.schedulers.scheduler import (
    MultiTaskScheduler,
    PlannedBatch,
    Sentences,
    by_length,
    spread,
)
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_one_each


@MultiTaskScheduler.register("homogeneous_roundrobin")
class HomogeneousRoundRobinScheduler(MultiTaskScheduler):
    """Makes batches of one dataset each; the datasets take turns in proportion to their batches.

    Draws what the sampler asks for; repeats nothing that the sampler does not. A dataset of n drawn sentences has
    ceil(n / its batch size) batches an epoch, or as many as `max_tokens` takes: a batch then has as many sentences as
    fit, but for the last of each pool.
    Registered as "homogeneous_roundrobin".

    # Parameters

    batch_size : sentences a batch, one number or one for every dataset; 32 where `max_tokens` is not given.
    max_tokens : in place of `batch_size`, padded characters a batch at most: sentences x the longest of them. A longer
        sentence makes a batch of its own.
    pool : see `MultiTaskScheduler`; batches of one dataset.
    """

    def __init__(
        self,
        batch_size: int | dict[str, int] | None = None,
        max_tokens: int | None = None,
        pool: int = 50,
    ) -> None:
        super().__init__(pool)
        self.limits: BatchLimit | dict[str, BatchLimit]
        if isinstance(batch_size, dict):
            for name, size in batch_size.items():
                if size < 1:
                    raise ConfigurationError(
                        f"expected 1 or more, found {size}", f"batch_size.{name}"
                    )
            self.limits = {name: BatchLimit(size, max_tokens) for name, size in batch_size.items()}
        else:
            self.limits = BatchLimit(batch_size, max_tokens)

    def _limit(self, name: str) -> BatchLimit:
        return self.limits[name] if isinstance(self.limits, dict) else self.limits

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: every dataset has a batch size if one does."""
        if context.run is not None and isinstance(settings["batch_size"], dict):
            check_one_each(settings["batch_size"], context.run.datasets, "batch_size")

    def count(self, sentences: Mapping[str, int]) -> int | None:
        """Sum over datasets of ceil(sentences / batch size); None with `max_tokens`."""
        counts = [self._limit(name).count(count) for name, count in sentences.items()]
        return None if None in counts else sum(filter(None, counts))

    def batches(
        self, sentences: Sentences, lengths: Sentences, generator: np.random.Generator
    ) -> list[PlannedBatch]:
        """See `MultiTaskScheduler.batches`."""
        own = {
            name: self._own(drawn, lengths[name], self._limit(name), generator)
            for name, drawn in sentences.items()
        }
        turns = {name: iter(groups) for name, groups in own.items()}
        order = spread({name: len(groups) for name, groups in own.items()})
        return [[(name, sentence) for sentence in next(turns[name]).tolist()] for name in order]

    def _own(
        self,
        drawn: NDArray[np.int64],
        lengths: NDArray[np.int64],
        limit: BatchLimit,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """One dataset's batches, in random order."""
        groups: list[NDArray[np.int64]] = []
        size = limit.together(self.pool, lengths[drawn])
        for start in range(0, len(drawn), size):
            rising = by_length(drawn[start : start + size], lengths, generator)
            groups += np.split(rising, np.cumsum(limit.cut(lengths[rising].tolist()))[:-1])
        return [groups[i] for i in generator.permutation(len(groups))]
