"""The base of all samplers."""

import math
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.common.registrable import Registrable


class MultiTaskEpochSampler(Registrable):
    """Says how many rows of each dataset an epoch draws.

    The number of rows is that of all datasets together, unless a setting says otherwise; shares are rounded
    by largest remainder, so that they sum to it exactly. A dataset that is drawn more often than it has rows
    repeats, each row equally often within one.

    # Parameters

    anchor : a dataset drawn exactly once an epoch; the others follow by their proportion to it.
    instances_per_epoch : rows an epoch draws in all; not together with `anchor`.
    """

    default_implementation = "proportional"

    def __init__(self, anchor: str | None = None, instances_per_epoch: int | None = None) -> None:
        if anchor is not None and instances_per_epoch is not None:
            raise ConfigurationError("anchor and instances_per_epoch each set the length: give one", "anchor")
        if instances_per_epoch is not None and instances_per_epoch < 1:
            raise ConfigurationError(f"expected 1 or more, found {instances_per_epoch}", "instances_per_epoch")
        self.anchor = anchor
        self.instances_per_epoch = instances_per_epoch

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Relative number of rows of each dataset, given their sizes; any positive scale."""
        raise NotImplementedError

    def rows_per_epoch(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Rows of each dataset that the next epoch draws."""
        proportions = self.get_task_proportions(sizes)
        if self.anchor is not None:
            if self.anchor not in sizes:
                raise ConfigurationError(
                    f'no dataset "{self.anchor}".{nearest(self.anchor, sizes)}', "data_loader.sampler.anchor"
                )
            scale = sizes[self.anchor] / proportions[self.anchor]
            return {name: round(scale * proportions[name]) for name in sizes}
        total = self.instances_per_epoch or sum(sizes.values())
        scale = total / sum(proportions.values())
        exact = {name: scale * proportions[name] for name in sizes}
        rows = {name: math.floor(share) for name, share in exact.items()}
        by_remainder = sorted(sizes, key=lambda name: rows[name] - exact[name])
        for name in by_remainder[: total - sum(rows.values())]:
            rows[name] += 1
        return rows

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; plain types only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
