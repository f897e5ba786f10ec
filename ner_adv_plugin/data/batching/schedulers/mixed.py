"""Batches that mix datasets: what the schedulers that make them share."""

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
    """Lays the epoch's sentences one after the other in a fixed order of datasets, and cuts that order into batches.

    The mix of a batch is by sentences, under `max_tokens` too: a batch is a run of consecutive places, and `order` says
    how many places of any run a dataset has. Within a pool, itself a run of places, every dataset's sentences go into its
    places by rising length, so that short sentences of all datasets meet.

    With `batch_size` an epoch has ceil(drawn sentences / batch_size) batches, and all but one are full. With `max_tokens`
    batches of short sentences have more of them, and a batch takes as many sentences as fit, but for the last of each pool;
    how many batches that makes differs a little from epoch to epoch. As the loss of a step is a mean over its sentences, a
    short sentence then weighs less than a long one.

    # Parameters

    batch_size : sentences a batch; 32 where `max_tokens` is not given.
    max_tokens : in place of `batch_size`, padded characters a batch at most: sentences x the longest of them. A longer
        sentence makes a batch of its own.
    pool : see `MultiTaskScheduler`.
    """

    def __init__(
        self, batch_size: int | None = None, max_tokens: int | None = None, pool: int = 50
    ) -> None:
        super().__init__(pool)
        self.limit = BatchLimit(batch_size, max_tokens)

    def order(self, counts: Mapping[str, int]) -> list[str]:
        """The dataset of each of the epoch's places, so many of each; by default spread evenly (`spread`)."""
        return spread(counts)

    def count(self, sentences: Mapping[str, int]) -> int | None:
        """ceil(sum of sentences / batch_size); None with `max_tokens`."""
        return self.limit.count(sum(sentences.values()))

    def batches(
        self, sentences: Sentences, lengths: Sentences, generator: np.random.Generator
    ) -> list[PlannedBatch]:
        """See `MultiTaskScheduler.batches`."""
        order = self.order({name: len(drawn) for name, drawn in sentences.items()})
        if not order:
            return []
        size = self.limit.together(
            self.pool, np.concatenate([lengths[name][drawn] for name, drawn in sentences.items()])
        )
        rest = dict(sentences)
        batches: list[PlannedBatch] = []
        for start in range(0, len(order), size):
            places = order[start : start + size]
            counts = Counter(places)
            members = {name: drawn[: counts[name]] for name, drawn in rest.items()}
            rest = {name: drawn[counts[name] :] for name, drawn in rest.items()}
            batches += self._cut(places, members, lengths, generator)
        return [batches[i] for i in generator.permutation(len(batches))]

    def _cut(
        self,
        places: list[str],
        members: Sentences,
        lengths: Sentences,
        generator: np.random.Generator,
    ) -> Iterator[PlannedBatch]:
        """The batches of one pool; in each the sentences of one dataset stand together."""
        turns = {
            name: iter(by_length(own, lengths[name], generator).tolist())
            for name, own in members.items()
        }
        laid = [(name, next(turns[name])) for name in places]
        ranks = {name: rank for rank, name in enumerate(members)}
        start = 0
        for size in self.limit.cut([int(lengths[name][sentence]) for name, sentence in laid]):
            yield sorted(laid[start : start + size], key=lambda place: ranks[place[0]])
            start += size
