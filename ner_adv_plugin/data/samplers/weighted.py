"""Rows by given weights."""

from collections.abc import Mapping

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.samplers.sampler import MultiTaskEpochSampler


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

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """The weights, of which every dataset must have one."""
        for name in self.weights:
            if name not in sizes:
                raise ConfigurationError(
                    f"no dataset of this name.{nearest(name, sizes)}", f"data_loader.sampler.weights.{name}"
                )
        for name in sizes:
            if name not in self.weights:
                raise ConfigurationError("missing weight of a dataset", f"data_loader.sampler.weights.{name}")
        return dict(self.weights)
