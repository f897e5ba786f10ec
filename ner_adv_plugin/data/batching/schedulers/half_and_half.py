"""Batches half of the target, half of all other datasets."""

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
    """Makes every batch half of sentences of the target, half of sentences of all others, within one.

    Draws as many sentences of the target as of all others together: the half that the sampler asks less of repeats, each
    sentence of a dataset equally often within one, the others keeping the sampler's proportions among them. An epoch thus
    has twice the sentences of the larger half. Where the sampler asks nothing of one half, batches are of the other alone.
    Registered as "half_and_half".

    # Parameters

    target : the dataset that is half of every batch.
    batch_size, max_tokens, pool : see `MixedScheduler`.
    """

    def __init__(
        self,
        target: str,
        batch_size: int | None = None,
        max_tokens: int | None = None,
        pool: int = 50,
    ) -> None:
        super().__init__(batch_size, max_tokens, pool)
        self.target = target

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the target is a dataset, and there are others."""
        if context.run is None:
            return

        check_dataset(settings["target"], context.run.datasets, "target")
        if len(context.run.datasets) == 1:
            raise ConfigurationError("there is no other dataset for the other half", "target")

    def _others(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {name: count for name, count in counts.items() if name != self.target}

    def draws(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Both halves as large as the larger, unless one is empty."""
        target, others = asked[self.target], self._others(asked)
        half = max(target, sum(others.values()))
        if target and any(others.values()):
            others = apportion(half, others)
            target = half
        return {name: target if name == self.target else others[name] for name in asked}

    def order(self, counts: Mapping[str, int]) -> list[str]:
        """Target and others in turn, the others spread evenly among their places."""
        others = self._others(counts)
        turns = iter(spread(others))
        halves = spread({True: counts[self.target], False: sum(others.values())})
        return [self.target if is_target else next(turns) for is_target in halves]
