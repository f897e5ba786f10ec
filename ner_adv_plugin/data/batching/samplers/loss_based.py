"""More sentences of the datasets whose loss decreases more slowly."""

import math
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.samplers.sampler import MultiTaskEpochSampler
from ner_adv_plugin.data.checks import RunContext

# Losses are clipped from below: a memorised dataset has no reliable ratio.
LOWEST_LOSS = 1e-6


@MultiTaskEpochSampler.register("loss_based")
class LossBasedSampler(MultiTaskEpochSampler):
    """Draw more sentences of datasets whose head learns more slowly than the others.

    Registered as "loss_based".

    The rule is the relative inverse training rate of GradNorm, applied to numbers of sentences in
    place of gradients: r = (loss of the head / its loss in the first epoch) / (mean of this ratio
    over all heads). The share of one of k datasets is
    floor + (1 - k * floor) * r ** strength / (sum of r ** strength). The loss is the validation
    loss if the head has one, else the training loss as it is optimized. A dataset without a head,
    or whose head has no loss, has r = 1. The first two epochs draw equally, as there is nothing to
    compare yet.

    All epochs have the same number of sentences. `DataLoader.batches_per_epoch` counts future
    epochs with the current shares: this is exact for "roundrobin" with a batch size in sentences,
    and otherwise an estimate.

    Source: Chen et al. 2018 (GradNorm), section 3.

    # Parameters

    strength : 0 draws equally; higher values favour slowly learning heads more.
    floor : the minimum share of a dataset; floor times the number of datasets is at most 1.
    instances_per_epoch : see `MultiTaskEpochSampler`.

    # Example

    ```jsonnet
    { type: 'loss_based', strength: 1.0, floor: 0.1 }
    ```

    # Examples

    >>> sampler = LossBasedSampler(floor=0, instances_per_epoch=100)
    >>> sampler.set_heads({"weibo": "weibo", "msra": "msra"})
    >>> sampler.update_from_epoch_metrics({"training_weibo_loss": 4, "training_msra_loss": 8})
    >>> sampler.update_from_epoch_metrics({"training_weibo_loss": 3, "training_msra_loss": 2})
    >>> sampler.sentences_per_epoch({"weibo": 1350, "msra": 41000})  # r: 3/4 to 1/4
    {'weibo': 75, 'msra': 25}
    """

    def __init__(
        self, strength: float = 1.0, floor: float = 0.05, instances_per_epoch: int | None = None
    ) -> None:
        super().__init__(instances_per_epoch=instances_per_epoch)
        for key, value in (("strength", strength), ("floor", floor)):
            if not 0 <= value < math.inf:
                raise ConfigurationError(f"expected 0 or more, found {value}", key)
        self.strength = strength
        self.floor = floor
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the floor must leave room for every dataset."""
        super().check(settings, context)
        if context.run is not None:
            _check_floor(settings["floor"], len(context.run.datasets))

    def get_task_proportions(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return the shares, which sum to 1."""
        _check_floor(self.floor, len(sizes))

        ratios = {head: self._last[head] / first for head, first in self._first.items()}
        mean = sum(ratios.values()) / len(ratios) if ratios else 1.0
        lags = {name: ratios.get(self.heads.get(name) or "", mean) for name in sizes}

        # Scaled so that no power overflows.
        highest = max(lags.values())
        powers = {name: (lag / highest) ** self.strength for name, lag in lags.items()}

        room = 1 - self.floor * len(sizes)
        total = sum(powers.values())
        return {name: self.floor + room * power / total for name, power in powers.items()}

    def update_from_epoch_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record the loss of every head; keep the previous one if it is missing or not finite."""
        for head in filter(None, dict.fromkeys(self.heads.values())):
            names = (
                f"validation_{head}_loss",
                f"training_{head}_optimized_loss",
                # Of a model that does not report what it optimizes.
                f"training_{head}_loss",
            )
            loss = next((metrics[name] for name in names if name in metrics), math.nan)
            if math.isfinite(loss):
                self._last[head] = max(loss, LOWEST_LOSS)
                self._first.setdefault(head, self._last[head])

    def state_dict(self) -> dict[str, Any]:
        """See `MultiTaskEpochSampler.state_dict`."""
        return {"first": dict(self._first), "last": dict(self._last)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `MultiTaskEpochSampler.load_state_dict`."""
        self._first, self._last = dict(state["first"]), dict(state["last"])


def _check_floor(floor: float, datasets: int) -> None:
    if floor * datasets > 1:
        raise ConfigurationError(
            f"expected at most {1 / datasets:.4g}, 1 / number of datasets, found {floor}", "floor"
        )
