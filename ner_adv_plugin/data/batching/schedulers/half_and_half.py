"""Batches of which half are target sentences and half sentences of all other datasets."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.apportionment import apportion
from ner_adv_plugin.data.batching.schedulers.mixed import MixedScheduler
from ner_adv_plugin.data.batching.schedulers.scheduler import MultiTaskScheduler, spread
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset


@MultiTaskScheduler.register("half_and_half")
class HalfAndHalfScheduler(MixedScheduler):
    """Fill half of every batch with target sentences, within one, and half with all others.

    Registered as "half_and_half".

    An epoch draws as many sentences of the target as of all other datasets together. The half of
    which the sampler requests fewer sentences is repeated, each sentence of a dataset equally often
    within one; the other datasets keep the sampler's proportions among themselves. An epoch thus
    has twice the sentences of the larger half. If the sampler requests none of one half, batches
    consist of the other half only.

    # Parameters

    target : the dataset that makes up half of every batch.
    batch_size, max_tokens, pool, noise : see `MixedScheduler`.

    # Example

    ```jsonnet
    { type: 'half_and_half', target: 'weibo', batch_size: 32 }
    ```

    # Examples

    >>> HalfAndHalfScheduler("weibo").draws({"weibo": 100, "msra": 300, "pku": 100})
    {'weibo': 400, 'msra': 300, 'pku': 100}
    """

    def __init__(
        self,
        target: str,
        batch_size: int | None = None,
        max_tokens: int | None = None,
        pool: int = 50,
        noise: float | None = None,
    ) -> None:
        super().__init__(batch_size, max_tokens, pool, noise)
        self.target = target

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the target must be a dataset, and there must be others."""
        if context.run is None:
            return

        check_dataset(settings["target"], context.run.datasets, "target")
        if len(context.run.datasets) == 1:
            raise ConfigurationError("there is no other dataset for the other half", "target")

    def _others(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {name: count for name, count in counts.items() if name != self.target}

    def draws(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Return numbers that make both halves as large as the larger, unless one is empty."""
        target = asked[self.target]
        others = self._others(asked)

        half = max(target, sum(others.values()))
        if target and any(others.values()):
            others = apportion(half, others)
            target = half
        return {name: target if name == self.target else others[name] for name in asked}

    def order(self, counts: Mapping[str, int]) -> list[str]:
        """Alternate the target and the others, the others spread evenly over their positions."""
        others = self._others(counts)
        turns = iter(spread(others))
        halves = spread({True: counts[self.target], False: sum(others.values())})
        return [self.target if is_target else next(turns) for is_target in halves]
