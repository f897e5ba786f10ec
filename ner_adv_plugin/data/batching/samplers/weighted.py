"""Rows by given weights."""

from collections.abc import Collection, Mapping

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler
from ner_adv_plugin.data.dataset_names import check_one_each


@MultiTaskEpochSampler.register("weighted")
class WeightedSampler(MultiTaskEpochSampler):
    """Draws from each dataset in proportion to its weight, whatever its size.

    Registered as "weighted".

    # Parameters

    weights : a positive weight for every dataset.
    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.
    """

    def __init__(
        self, weights: dict[str, float], anchor: str | None = None, instances_per_epoch: int | None = None
    ) -> None:
        super().__init__(anchor, instances_per_epoch)
        for name, weight in weights.items():
            if weight <= 0:
                raise ConfigurationError(f"expected a positive weight, found {weight}", f"weights.{name}")
        self.weights = weights

    def check_datasets(self, names: Collection[str]) -> None:
        """See `MultiTaskEpochSampler.check_datasets`; every dataset must have a weight."""
        super().check_datasets(names)
        check_one_each(self.weights, names, "data_loader.sampler.weights")

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """The weights."""
        return dict(self.weights)
