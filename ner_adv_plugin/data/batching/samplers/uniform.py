"""Equal numbers of sentences of every dataset."""

from collections.abc import Mapping

from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("uniform")
class UniformSampler(MultiTaskEpochSampler):
    """Draw equally many sentences of every dataset.

    Registered as "uniform".

    # Parameters

    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.

    # Example

    ```jsonnet
    { type: 'uniform', instances_per_epoch: 10000 }
    ```

    # Examples

    >>> UniformSampler(anchor="weibo").sentences_per_epoch({"weibo": 1350, "msra": 41000})
    {'weibo': 1350, 'msra': 1350}
    """

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return 1 for each dataset."""
        return dict.fromkeys(sizes, 1.0)
