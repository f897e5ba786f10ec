"""Batches of equally many sentences of every dataset."""

from collections.abc import Mapping

from ner_adv_plugin.data.batching.schedulers.mixed import MixedScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import MultiTaskScheduler


@MultiTaskScheduler.register("balanced")
class BalancedScheduler(MixedScheduler):
    """Puts equally many sentences of every dataset, within one, into every batch.

    Draws of every dataset as many sentences as the sampler asks for of any: small datasets repeat, each sentence equally
    often within one. A dataset that the sampler asks nothing of stays out. An epoch thus has (number of datasets) x
    (largest number asked for) sentences; of the sampler's proportions nothing else is left.
    Registered as "balanced".

    # Parameters

    batch_size, max_tokens, pool : see `MixedScheduler`.
    """

    def draws(self, asked: Mapping[str, int]) -> dict[str, int]:
        """The largest number for all."""
        most = max(asked.values(), default=0)
        return {name: most if count else 0 for name, count in asked.items()}
