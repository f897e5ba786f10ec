"""Batches that mix datasets in the proportions of the epoch."""

from ner_adv_plugin.data.batching.schedulers.mixed import MixedScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import MultiTaskScheduler


@MultiTaskScheduler.register("roundrobin")
class RoundRobinScheduler(MixedScheduler):
    """Mix the datasets within every batch in the proportions of the epoch.

    Registered as "roundrobin", the default.

    The proportions are those of sentences and hold within a sentence or two (see `spread`). An
    epoch draws what the sampler requests and repeats no sentence beyond that. It has
    ceil(drawn sentences / batch_size) batches, or a varying number with `max_tokens`; see
    `MixedScheduler`.

    # Parameters

    batch_size, max_tokens, pool, noise : see `MixedScheduler`.

    # Example

    ```jsonnet
    { type: 'roundrobin', batch_size: 32 }
    ```

    # Examples

    >>> import numpy as np
    >>> drawn = {"weibo": np.arange(2), "msra": np.arange(4)}
    >>> lengths = {"weibo": np.array([5, 9]), "msra": np.array([4, 6, 8, 30])}
    >>> plan = RoundRobinScheduler(batch_size=3).batches(drawn, lengths, np.random.default_rng(0))
    >>> [[name for name, _ in batch] for batch in plan]
    [['weibo', 'msra', 'msra'], ['weibo', 'msra', 'msra']]
    """
