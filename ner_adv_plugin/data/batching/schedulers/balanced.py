"""Batches with equally many sentences of every dataset."""

from collections.abc import Mapping

from ner_adv_plugin.data.batching.schedulers.mixed import MixedScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import MultiTaskScheduler


@MultiTaskScheduler.register("balanced")
class BalancedScheduler(MixedScheduler):
    """Put equally many sentences of every dataset, within one, into every batch.

    Registered as "balanced".

    An epoch draws of every dataset the largest number of sentences that the sampler requests of
    any: smaller datasets are repeated, each sentence equally often within one. A dataset for which
    the sampler requests none is left out. An epoch thus has (number of datasets) x (largest
    requested number) sentences; the sampler's proportions have no other effect.

    # Parameters

    batch_size, max_tokens, pool, noise : see `MixedScheduler`.

    # Example

    ```jsonnet
    { type: 'balanced', batch_size: 32 }
    ```

    # Examples

    >>> BalancedScheduler().draws({"weibo": 1350, "msra": 41000, "reviews": 0})
    {'weibo': 41000, 'msra': 41000, 'reviews': 0}
    """

    def draws(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Return the largest requested number for every dataset that is drawn at all."""
        most = max(asked.values(), default=0)
        return {name: most if count else 0 for name, count in asked.items()}
