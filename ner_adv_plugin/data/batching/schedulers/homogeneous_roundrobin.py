"""Batches of one dataset each, the datasets taking turns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.common.bounds import at_least
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
    """Make batches of one dataset each; datasets take turns in proportion to their batches.

    Registered as "homogeneous_roundrobin".

    An epoch draws what the sampler requests and repeats no sentence beyond that. A dataset with n
    drawn sentences has ceil(n / its batch size) batches in an epoch, whose sizes differ by one at
    most. With `max_tokens` the batches of a pool are as few as possible, of similar padded size.

    # Parameters

    batch_size : number of sentences in a batch, either one number or one per dataset; 32 if
        `max_tokens` is not set.
    max_tokens : in place of `batch_size`, the maximum number of padded characters in a batch
        (number of sentences x length of the longest); a sentence longer than this forms a batch by
        itself.
    pool, noise : see `MultiTaskScheduler`; they count batches of one dataset.

    # Example

    ```jsonnet
    { type: 'homogeneous_roundrobin', batch_size: { weibo: 8, msra: 32 } }
    ```

    # Examples

    >>> scheduler = HomogeneousRoundRobinScheduler({"weibo": 8, "msra": 32})
    >>> scheduler.count({"weibo": 20, "msra": 100})  # 3 batches of weibo, 4 of msra
    7
    """

    def __init__(
        self,
        batch_size: int | dict[str, int] | None = None,
        max_tokens: int | None = None,
        pool: int = 50,
        noise: float | None = None,
    ) -> None:
        super().__init__(pool, noise)
        self.limits: BatchLimit | dict[str, BatchLimit]
        if isinstance(batch_size, dict):
            for name, size in batch_size.items():
                at_least(1, size, f"batch_size.{name}")
            self.limits = {name: BatchLimit(size, max_tokens) for name, size in batch_size.items()}
        else:
            self.limits = BatchLimit(batch_size, max_tokens)

    def _limit(self, name: str) -> BatchLimit:
        return self.limits[name] if isinstance(self.limits, dict) else self.limits

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: every dataset needs a batch size if one has it."""
        if context.run is not None and isinstance(settings["batch_size"], dict):
            check_one_each(settings["batch_size"], context.run.datasets, "batch_size")

    def count(self, sentences: Mapping[str, int]) -> int | None:
        """Sum ceil(sentences / batch size) over datasets; None with `max_tokens`."""
        counts = [self._limit(name).count(count) for name, count in sentences.items()]
        return None if None in counts else sum(filter(None, counts))

    def batches(
        self, sentences: Sentences, lengths: Sentences, generator: np.random.Generator
    ) -> list[PlannedBatch]:
        """See `MultiTaskScheduler.batches`."""
        groups_of = {
            name: self._groups(drawn, lengths[name], self._limit(name), generator)
            for name, drawn in sentences.items()
        }

        turns = {name: iter(groups) for name, groups in groups_of.items()}
        order = spread({name: len(groups) for name, groups in groups_of.items()})
        return [[(name, sentence) for sentence in next(turns[name]).tolist()] for name in order]

    def _groups(
        self,
        drawn: NDArray[np.int64],
        lengths: NDArray[np.int64],
        limit: BatchLimit,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """Cut the sentences of one dataset into batches, in random order."""
        groups: list[NDArray[np.int64]] = []
        pools = limit.pools(self.pool, lengths[drawn])
        noise = self.noise_with(len(pools))

        for members in np.split(drawn, np.cumsum(pools)[:-1]) if pools else []:
            rising = by_length(members, lengths, generator, noise)
            groups += np.split(rising, np.cumsum(limit.cut(lengths[rising].tolist()))[:-1])

        return [groups[i] for i in generator.permutation(len(groups))]
