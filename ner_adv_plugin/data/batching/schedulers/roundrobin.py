"""Batches that mix datasets as the sampler says."""

from ner_adv_plugin.data.batching.schedulers.mixed import MixedScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import MultiTaskScheduler


@MultiTaskScheduler.register("roundrobin")
class RoundRobinScheduler(MixedScheduler):
    """Mixes the datasets inside every batch in the proportions of the epoch, by sentences, within a sentence or two (`spread`).

    Draws what the sampler asks for; repeats nothing that the sampler does not. For the length of an epoch see
    `MixedScheduler`: ceil(drawn sentences / batch_size) batches, or as many as `max_tokens` takes.
    Registered as "roundrobin".

    # Parameters

    batch_size, max_tokens, pool : see `MixedScheduler`.
    """
