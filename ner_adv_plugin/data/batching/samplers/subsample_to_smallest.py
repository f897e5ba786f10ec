"""As many sentences of every dataset as the smallest one has."""

from collections.abc import Mapping

from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("subsample_to_smallest")
class SubsampleToSmallestSampler(MultiTaskEpochSampler):
    """Draw as many sentences of every dataset as the smallest one has.

    Registered as "subsample_to_smallest".

    An epoch has (number of datasets) x (sentences of the smallest) sentences. It holds the whole
    smallest dataset. Of each other dataset it draws new sentences until all have been drawn, so
    that a sentence occurs twice in an epoch only if one pass over its dataset ends and the next one
    begins in it.

    # Example

    ```jsonnet
    { type: 'subsample_to_smallest' }
    ```

    # Examples

    >>> SubsampleToSmallestSampler().sentences_per_epoch({"weibo": 1350, "msra": 41000})
    {'weibo': 1350, 'msra': 1350}
    """

    def __init__(self) -> None:
        super().__init__()

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return 1 for each dataset."""
        return dict.fromkeys(sizes, 1.0)

    def total_sentences(self, sizes: Mapping[str, int]) -> int:
        """Return (number of datasets) x (sentences of the smallest)."""
        return len(sizes) * min(sizes.values())
