"""Base class of samplers."""

import math
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.data.batching.apportionment import apportion
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset

# An epoch is planned as a whole: more sentences than this do not fit into memory.
MOST_SENTENCES = 100_000_000


class MultiTaskEpochSampler(Registrable):
    """Base class of samplers, which determine how many sentences of each dataset an epoch draws.

    By default an epoch draws as many sentences as all datasets have together. Shares are rounded by
    largest remainder, so that they sum to that number exactly. If more sentences of a dataset are
    drawn than it has, they repeat, each equally often within one.

    A custom sampler overrides `get_task_proportions`, or `proportions_at` if the proportions depend
    on the progress of training. A sampler that adapts to metrics overrides
    `update_from_epoch_metrics`, `state_dict` and `load_state_dict`.

    # Parameters

    anchor : a dataset that is drawn exactly once per epoch; the number of sentences of every other
        dataset follows from its proportion to the anchor.
    instances_per_epoch : total number of sentences per epoch; cannot be combined with `anchor`.
    """

    default_implementation = "proportional"

    def __init__(self, anchor: str | None = None, instances_per_epoch: int | None = None) -> None:
        if anchor is not None and instances_per_epoch is not None:
            raise ConfigurationError(
                "anchor and instances_per_epoch both set the length of an epoch: set one of them",
                "anchor",
            )
        at_least(1, instances_per_epoch, "instances_per_epoch")

        self.anchor = anchor
        self.instances_per_epoch = instances_per_epoch
        self.heads: Mapping[str, str | None] = {}

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the anchor must be a dataset."""
        if context.run is not None and settings.get("anchor") is not None:
            check_dataset(settings["anchor"], context.run.datasets, "anchor")

    @property
    def depends_on_length(self) -> bool:
        """Whether the proportions depend on the number of epochs of the run."""
        return type(self).proportions_at is not MultiTaskEpochSampler.proportions_at

    def set_heads(self, heads: Mapping[str, str | None]) -> None:
        """Set the head of each dataset, None if unlabelled; called before the first epoch."""
        self.heads = dict(heads)

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return the relative number of sentences to draw of each dataset, on any positive scale.

        # Parameters

        sizes : number of sentences of each dataset.
        """
        raise NotImplementedError

    def proportions_at(self, sizes: Mapping[str, int], progress: float) -> dict[str, float]:
        """Return the proportions for one epoch; by default the same for all.

        # Parameters

        sizes : number of sentences of each dataset.
        progress : of the epoch, from 0 for the first to 1 for the last.
        """
        return self.get_task_proportions(sizes)

    def total_sentences(self, sizes: Mapping[str, int]) -> int:
        """Return the total per epoch if neither `anchor` nor `instances_per_epoch` is set."""
        return sum(sizes.values())

    def sentences_per_epoch(
        self, sizes: Mapping[str, int], progress: float = 0.0
    ) -> dict[str, int]:
        """Return the number of sentences of each dataset that an epoch draws.

        # Parameters

        sizes : number of sentences of each dataset.
        progress : of the epoch, from 0 for the first to 1 for the last.

        # Raises

        ConfigurationError : if the proportions are not numbers of 0 or more, if the anchor's is 0,
            or if there are more than `MOST_SENTENCES`.
        """
        proportions = self.proportions_at(sizes, progress)
        _check_proportions(proportions, self.anchor)

        if self.anchor is None:
            total = self.instances_per_epoch or self.total_sentences(sizes)
            _check_total(total, "instances_per_epoch")
            return apportion(total, {name: proportions[name] for name in sizes})

        exact = {
            name: sizes[self.anchor] * (proportions[name] / proportions[self.anchor])
            for name in sizes
        }
        _check_total(sum(exact.values()), "anchor")
        return {name: round(sentences) for name, sentences in exact.items()}

    def update_from_epoch_metrics(self, metrics: Mapping[str, float]) -> None:
        """Adapt to the metrics of an epoch that has ended.

        # Parameters

        metrics : `training_<name>` and `validation_<name>` as in the metrics file of the epoch, the
            same in every process.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, in plain types only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state returned by `state_dict`."""


def _check_proportions(proportions: Mapping[str, float], anchor: str | None) -> None:
    for name, value in proportions.items():
        if not 0 <= value < math.inf:
            raise ConfigurationError(f"{name} has a share of {value}, expected 0 or more")
    if not any(proportions.values()):
        raise ConfigurationError("all shares are 0: no sentences would be drawn")
    if anchor is not None and not proportions[anchor]:
        raise ConfigurationError("expected a share above 0, found 0", "anchor")


def _check_total(sentences: float, key: str) -> None:
    if not sentences <= MOST_SENTENCES:
        raise ConfigurationError(
            f"an epoch would have {sentences:.3g} sentences, expected at most {MOST_SENTENCES:,}",
            key,
        )
