"""Numbers of sentences by weights that change during training."""

import math
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_one_each


@MultiTaskEpochSampler.register("curriculum")
class CurriculumSampler(MultiTaskEpochSampler):
    """Draw in proportion to weights that move linearly from `start` to `end` during training.

    Registered as "curriculum".

    In epoch e of E, counted from 0, at progress p = e / (E - 1), the weight of a dataset is
    start + min(1, p / until) * (end - start), regardless of its size. The first epoch has the start
    weights, and every epoch from `until` on has the end weights. A run of one epoch has the start
    weights. All epochs have the same number of sentences, unless an `anchor` is set.

    # Parameters

    start : the first weight of every dataset, 0 or more.
    end : the last weight of every dataset, 0 or more.
    until : the progress at which the end weights are reached, above 0 and at most 1.
    anchor, instances_per_epoch : see `MultiTaskEpochSampler`.

    # Example

    ```jsonnet
    {
      type: 'curriculum',
      start: { weibo: 1, msra: 4 },
      end: { weibo: 1, msra: 0 },
    }
    ```

    # Examples

    >>> start, end = {"weibo": 1, "msra": 4}, {"weibo": 1, "msra": 0}
    >>> sampler = CurriculumSampler(start, end, instances_per_epoch=300)
    >>> [sampler.sentences_per_epoch({"weibo": 100, "msra": 200}, p)["weibo"] for p in (0, 0.5, 1)]
    [60, 100, 300]
    """

    def __init__(
        self,
        start: dict[str, float],
        end: dict[str, float],
        until: float = 1.0,
        anchor: str | None = None,
        instances_per_epoch: int | None = None,
    ) -> None:
        super().__init__(anchor, instances_per_epoch)
        if not 0 < until <= 1:
            raise ConfigurationError(f"expected above 0 and at most 1, found {until}", "until")
        for key, weights in (("start", start), ("end", end)):
            _check_weights(weights, key, anchor)
        self.start = start
        self.end = end
        self.until = until

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: every dataset needs both weights."""
        super().check(settings, context)
        if context.run is not None:
            check_one_each(settings["start"], context.run.datasets, "start")
            check_one_each(settings["end"], context.run.datasets, "end")

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return the start weights."""
        return dict(self.start)

    def proportions_at(self, sizes: Mapping[str, int], progress: float) -> dict[str, float]:
        """Return start + min(1, progress / until) * (end - start)."""
        share = min(1.0, progress / self.until)
        return {
            name: (1 - share) * start + share * self.end[name] for name, start in self.start.items()
        }


def _check_weights(weights: Mapping[str, float], key: str, anchor: str | None) -> None:
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise ConfigurationError(
                f"expected a weight of 0 or more, found {weight}", f"{key}.{name}"
            )
    if not any(weights.values()):
        raise ConfigurationError("expected a weight above 0, found none", key)
    if weights.get(anchor or "") == 0:
        raise ConfigurationError("the anchor needs a weight above 0", f"{key}.{anchor}")
