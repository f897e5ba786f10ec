"""The base of all samplers."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.apportionment import apportion
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset


class MultiTaskEpochSampler(Registrable):
    """Says how many sentences of each dataset an epoch draws.

    The number of sentences is that of all datasets together, unless a setting says otherwise; shares are rounded
    by largest remainder, so that they sum to it exactly. A dataset that is drawn more often than it has sentences
    repeats, each sentence equally often within one.

    A sampler of one's own overrides `get_task_proportions`; one that changes with the progress of training
    `proportions_at`; one that learns from the run `update_from_epoch_metrics`, with a state.

    # Parameters

    anchor : a dataset drawn exactly once an epoch; the others follow by their proportion to it.
    instances_per_epoch : sentences an epoch draws in all; not together with `anchor`.
    """

    default_implementation = "proportional"

    def __init__(self, anchor: str | None = None, instances_per_epoch: int | None = None) -> None:
        if anchor is not None and instances_per_epoch is not None:
            raise ConfigurationError(
                "anchor and instances_per_epoch each set the length: give one", "anchor"
            )
        if instances_per_epoch is not None and instances_per_epoch < 1:
            raise ConfigurationError(
                f"expected 1 or more, found {instances_per_epoch}", "instances_per_epoch"
            )
        self.anchor = anchor
        self.instances_per_epoch = instances_per_epoch
        self.heads: Mapping[str, str | None] = {}

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the anchor is a dataset."""
        if context.run is not None and settings.get("anchor") is not None:
            check_dataset(settings["anchor"], context.run.datasets, "anchor")

    def set_heads(self, heads: Mapping[str, str | None]) -> None:
        """Tell it the head that each dataset teaches, None for one without labels, before the first epoch."""
        self.heads = dict(heads)

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Relative number of sentences of each dataset, given their sizes; any positive scale."""
        raise NotImplementedError

    def proportions_at(self, sizes: Mapping[str, int], progress: float) -> dict[str, float]:
        """The proportions of the epoch at this progress, 0 for the first and 1 for the last; by default the same."""
        return self.get_task_proportions(sizes)

    def total_sentences(self, sizes: Mapping[str, int]) -> int:
        """Sentences an epoch draws in all where neither `anchor` nor `instances_per_epoch` says so."""
        return sum(sizes.values())

    def sentences_per_epoch(
        self, sizes: Mapping[str, int], progress: float = 0.0
    ) -> dict[str, int]:
        """Sentences of each dataset that an epoch draws.

        # Parameters

        sizes : sentences that each dataset has.
        progress : of the epoch, 0 for the first and 1 for the last.
        """
        proportions = self.proportions_at(sizes, progress)
        if self.anchor is not None:
            scale = sizes[self.anchor] / proportions[self.anchor]
            return {name: round(scale * proportions[name]) for name in sizes}
        total = self.instances_per_epoch or self.total_sentences(sizes)
        return apportion(total, {name: proportions[name] for name in sizes})

    def update_from_epoch_metrics(self, metrics: Mapping[str, float]) -> None:
        """Learn from an epoch that ended.

        # Parameters

        metrics : `training_<name>` and `validation_<name>` as in the epoch's metrics file, the same in every process.
        """

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; plain types only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
