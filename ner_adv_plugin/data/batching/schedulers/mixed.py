"""Base class of the schedulers that mix datasets within a batch."""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from ner_adv_plugin.data.batching.schedulers.batch_limit import BatchLimit
from ner_adv_plugin.data.batching.schedulers.scheduler import (
    MultiTaskScheduler,
    PlannedBatch,
    Sentences,
    by_length,
    spread,
)


class MixedScheduler(MultiTaskScheduler):
    """Base class of schedulers that mix datasets within a batch.

    The epoch is a sequence of positions, each assigned to a dataset by `order` and cut into
    batches. The mix of a batch is measured in sentences, also with `max_tokens`: a batch is a run
    of consecutive positions, and `order` determines how many positions of any run belong to a
    dataset. Within a pool, itself a run of positions, the sentences of each dataset fill its
    positions by increasing length, so that short sentences of all datasets share batches.

    With `batch_size`, an epoch has ceil(drawn sentences / batch_size) batches, whose sizes differ
    by one at most. With `max_tokens`, batches of short sentences hold more of them, the largest
    padded size in a pool is as small as its number of batches allows, and the number of batches
    varies slightly between epochs. As the loss of a step is a mean over its sentences, a short
    sentence then has a smaller weight than a long one.

    # Parameters

    batch_size : number of sentences in a batch; 32 if `max_tokens` is not set.
    max_tokens : in place of `batch_size`, the maximum number of padded characters in a batch
        (number of sentences x length of the longest); a sentence longer than this forms a batch by
        itself.
    pool, noise : see `MultiTaskScheduler`.
    """

    def __init__(
        self,
        batch_size: int | None = None,
        max_tokens: int | None = None,
        pool: int = 50,
        noise: float | None = None,
    ) -> None:
        super().__init__(pool, noise)
        self.limit = BatchLimit(batch_size, max_tokens)

    def order(self, counts: Mapping[str, int]) -> list[str]:
        """Return the dataset of each position of the epoch; by default spread evenly (`spread`).

        # Parameters

        counts : number of positions of each dataset.
        """
        return spread(counts)

    def count(self, sentences: Mapping[str, int]) -> int | None:
        """Return ceil(sum of sentences / batch_size), or None with `max_tokens`."""
        return self.limit.count(sum(sentences.values()))

    def batches(
        self, sentences: Sentences, lengths: Sentences, generator: np.random.Generator
    ) -> list[PlannedBatch]:
        """See `MultiTaskScheduler.batches`."""
        order = self.order({name: len(drawn) for name, drawn in sentences.items()})
        if not order:
            return []
        pools = self.limit.pools(
            self.pool, np.concatenate([lengths[name][drawn] for name, drawn in sentences.items()])
        )
        noise = self.noise_with(len(pools))

        remaining = dict(sentences)
        batches: list[PlannedBatch] = []
        start = 0
        for size in pools:
            pool_order = order[start : start + size]
            start += size
            counts = Counter(pool_order)
            members = {name: drawn[: counts[name]] for name, drawn in remaining.items()}
            remaining = {name: drawn[counts[name] :] for name, drawn in remaining.items()}
            batches += self._cut(pool_order, members, lengths, generator, noise)

        return [batches[i] for i in generator.permutation(len(batches))]

    def _cut(
        self,
        pool_order: list[str],
        members: Sentences,
        lengths: Sentences,
        generator: np.random.Generator,
        noise: float,
    ) -> Iterator[PlannedBatch]:
        """Cut one pool into batches; each lists the sentences of a dataset consecutively."""
        rising = {
            name: by_length(drawn, lengths[name], generator, noise)
            for name, drawn in members.items()
        }
        turns = {name: iter(own.tolist()) for name, own in rising.items()}
        lengths_of_turns = {name: iter(lengths[name][own].tolist()) for name, own in rising.items()}
        pool = [(name, next(turns[name])) for name in pool_order]
        sizes = self.limit.cut([next(lengths_of_turns[name]) for name in pool_order])
        ranks = {name: rank for rank, name in enumerate(members)}

        start = 0
        for size in sizes:
            batch = pool[start : start + size]
            if len(ranks) > 1:
                batch.sort(key=lambda pair: ranks[pair[0]])
            yield batch
            start += size
