"""The best epoch so far, and when to stop waiting for a better one."""

import math
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError


class MetricTracker:
    """Follows one validation metric over epochs.

    # Parameters

    metric : its name, led by "+" where more is better, "-" where less is.
    patience : epochs without improvement after which to stop; never where null.
    """

    def __init__(self, metric: str, patience: int | None = None) -> None:
        if metric[:1] not in ("+", "-") or not metric[1:]:
            raise ConfigurationError(
                f'expected "+" or "-" and a metric, found {metric!r}', "validation_metric"
            )
        if patience is not None and patience < 1:
            raise ConfigurationError(f"expected 1 or more, found {patience}", "patience")
        self.name = metric[1:]
        self._sign = 1.0 if metric[0] == "+" else -1.0
        self.patience = patience
        self.best_epoch: int | None = None
        self.best_metrics: dict[str, float] = {}
        self.waited = 0

    def add(self, epoch: int, metrics: dict[str, float]) -> bool:
        """Take an epoch's validation metrics; whether it is the best so far. Without metrics the last is best."""
        if metrics and self.best_epoch is not None:
            new, old = metrics[self.name], self.best_metrics[self.name]
            better = self._sign * (new - old) > 0 or (math.isnan(old) and not math.isnan(new))
        else:
            better = True
        if better:
            self.best_epoch, self.best_metrics, self.waited = epoch, dict(metrics), 0
        else:
            self.waited += 1
        return better

    def should_stop(self) -> bool:
        """Whether patience ran out."""
        return self.patience is not None and self.waited >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "best_epoch": self.best_epoch,
            "best_metrics": self.best_metrics,
            "waited": self.waited,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.best_epoch, self.best_metrics, self.waited = (
            state["best_epoch"],
            state["best_metrics"],
            state["waited"],
        )
