"""Numbers of sentences by fixed weights."""

import math
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_one_each


@MultiTaskEpochSampler.register("weighted")
class WeightedSampler(MultiTaskEpochSampler):
    """Draw from each dataset in proportion to a fixed weight, regardless of its size.

    Registered as "weighted".

    # Parameters

    weights : a positive weight for every dataset.
    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.

    # Example

    ```jsonnet
    { type: 'weighted', weights: { weibo: 1, msra: 3 }, instances_per_epoch: 8000 }
    ```

    # Examples

    >>> sampler = WeightedSampler({"weibo": 1, "msra": 3}, instances_per_epoch=8000)
    >>> sampler.sentences_per_epoch({"weibo": 1350, "msra": 41000})
    {'weibo': 2000, 'msra': 6000}
    """

    def __init__(
        self,
        weights: dict[str, float],
        anchor: str | None = None,
        instances_per_epoch: int | None = None,
    ) -> None:
        super().__init__(anchor, instances_per_epoch)
        for name, weight in weights.items():
            if not 0 < weight < math.inf:
                raise ConfigurationError(
                    f"expected a positive weight, found {weight}", f"weights.{name}"
                )
        self.weights = weights

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: every dataset needs a weight."""
        super().check(settings, context)
        if context.run is not None:
            check_one_each(settings["weights"], context.run.datasets, "weights")

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return the weights."""
        return dict(self.weights)
