"""Equally many sentences of every dataset."""

from collections.abc import Mapping

from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("uniform")
class UniformSampler(MultiTaskEpochSampler):
    """Draws equally many sentences of every dataset.

    Registered as "uniform".

    # Parameters

    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.
    """

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """1 each."""
        return dict.fromkeys(sizes, 1.0)
