"""The best epoch so far, and early stopping."""

import math
from typing import Any

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError


class MetricTracker:
    """Track one validation metric over epochs.

    # Parameters

    metric : name of the metric, preceded by "+" if higher is better, "-" if lower is better.
    patience : number of epochs without improvement after which to stop; None to never stop.

    # Raises

    ConfigurationError : if the sign is missing or `patience` is below 1.

    # Examples

    >>> tracker = MetricTracker("+f1", patience=2)
    >>> [tracker.add(epoch, {"f1": f1}) for epoch, f1 in enumerate([0.5, 0.7, 0.6, 0.7])]
    [True, True, False, False]
    >>> tracker.best_epoch, tracker.should_stop()
    (1, True)
    """

    def __init__(self, metric: str, patience: int | None = None) -> None:
        if metric[:1] not in ("+", "-") or not metric[1:]:
            raise ConfigurationError(
                f'expected "+" or "-" and the name of a metric, found {metric!r}',
                "validation_metric",
            )
        at_least(1, patience, "patience")

        self.name = metric[1:]
        self._sign = 1.0 if metric[0] == "+" else -1.0
        self.patience = patience
        self.best_epoch: int | None = None
        self.best_metrics: dict[str, float] = {}
        self.waited = 0

    def add(self, epoch: int, metrics: dict[str, float]) -> bool:
        """Add the validation metrics of an epoch.

        # Parameters

        epoch : index of the epoch.
        metrics : metrics by name; if empty, the latest epoch counts as the best.

        # Returns

        Whether the epoch is the best so far; a tie is no improvement.
        """
        if metrics and self.best_epoch is not None:
            new, old = metrics[self.name], self.best_metrics[self.name]
            is_better = self._sign * (new - old) > 0 or (math.isnan(old) and not math.isnan(new))
        else:
            is_better = True

        if is_better:
            self.best_epoch = epoch
            self.best_metrics = dict(metrics)
            self.waited = 0
        else:
            self.waited += 1
        return is_better

    def should_stop(self) -> bool:
        """Return whether patience ran out."""
        return self.patience is not None and self.waited >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, in plain types."""
        return {
            "best_epoch": self.best_epoch,
            "best_metrics": self.best_metrics,
            "waited": self.waited,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state from `state_dict`."""
        self.best_epoch = state["best_epoch"]
        self.best_metrics = state["best_metrics"]
        self.waited = state["waited"]
