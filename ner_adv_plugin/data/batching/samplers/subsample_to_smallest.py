"""As many sentences of every dataset as the smallest has."""

from collections.abc import Mapping

from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("subsample_to_smallest")
class SubsampleToSmallestSampler(MultiTaskEpochSampler):
    """Draws as many sentences of every dataset as the smallest has.

    An epoch has (number of datasets) x (sentences of the smallest) sentences. The smallest dataset comes whole in every epoch;
    of another every epoch draws fresh sentences until all were drawn, so that a sentence comes twice in an epoch only where
    one pass over its dataset ends and the next begins.
    Registered as "subsample_to_smallest".
    """

    def __init__(self) -> None:
        super().__init__()

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """1 each."""
        return dict.fromkeys(sizes, 1.0)

    def total_sentences(self, sizes: Mapping[str, int]) -> int:
        """Datasets x sentences of the smallest."""
        return len(sizes) * min(sizes.values())
