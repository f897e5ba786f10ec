"""Checks of `validation_metric` and of the settings that depend on it."""

from collections.abc import Collection, Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.training.metric_tracker import MetricTracker

# Default of `validation_metric`; the only value allowed without validation data.
DEFAULT_METRIC = "-loss"


def check_metric(settings: Mapping[str, Any], run: PlannedRun | None) -> None:
    """Check a trainer's `validation_metric`, `patience` and `learning_rate_scheduler`.

    # Parameters

    settings : settings of the trainer, with defaults filled in.
    run : the planned run; None if only the trainer is known.

    # Raises

    ConfigurationError : if a setting is invalid; its path is relative to the trainer.
    """
    metric = settings.get("validation_metric", DEFAULT_METRIC)
    patience = settings.get("patience")
    schedule = settings.get("learning_rate_scheduler") or {}
    uses_metric = schedule.get("type") == "reduce_on_plateau"
    tracker = MetricTracker(metric, patience)
    if run is None:
        return

    if run.validated:
        check_known(tracker.name, run.metrics)
        mode = "max" if metric[0] == "+" else "min"
        if uses_metric and schedule.get("mode", mode) != mode:
            raise ConfigurationError(
                f'"{schedule["mode"]}" does not fit validation_metric "{metric}": '
                f'expected "{mode}"',
                "learning_rate_scheduler.mode",
            )
        return

    needs_validation = {
        "patience": patience,
        "validation_metric": None if metric == DEFAULT_METRIC else metric,
        "learning_rate_scheduler.type": schedule["type"] if uses_metric else None,
    }
    for key, value in needs_validation.items():
        if value is not None:
            raise ConfigurationError(
                f"found {value!r}, but there is no labelled validation data: set"
                " validation_data_path, or remove this key",
                key,
            )


def check_known(name: str, known: Collection[str]) -> None:
    """Check that validation computes a metric.

    # Parameters

    name : name of the metric, without its sign.
    known : names of the metrics that validation computes; one that ends with `<TYPE>` represents
        the metrics of all entity types.

    # Raises

    ConfigurationError : if the metric is unknown.
    """
    by_type = (key.removesuffix("<TYPE>") for key in known if key.endswith("<TYPE>"))
    if name not in known and not any(name.startswith(key) and name != key for key in by_type):
        raise ConfigurationError(
            f'no metric "{name}".{nearest(name, known)} Known: {", ".join(known)}.',
            "validation_metric",
        )
