"""Checks of the metric that chooses the best epoch, and of the settings that follow it."""

from collections.abc import Collection, Mapping
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.training.metric_tracker import MetricTracker

# The metric of a run without validation data.
DEFAULT_METRIC = "-loss"


def check_metric(settings: Mapping[str, Any], run: PlannedRun | None) -> None:
    """Check a trainer's `validation_metric`, `patience` and `learning_rate_scheduler`.

    # Parameters

    settings : the trainer's, defaults filled in.
    run : what is known of the run, if anything.

    Raises `ConfigurationError`, its path counted from the trainer's.
    """
    metric, patience = settings.get("validation_metric", DEFAULT_METRIC), settings.get("patience")
    schedule = settings.get("learning_rate_scheduler") or {}
    tracker = MetricTracker(metric, patience)
    waits = schedule.get("type") == "reduce_on_plateau"
    if run is None:
        return

    if run.validated:
        check_known(tracker.name, run.metrics)
        better = "max" if metric[0] == "+" else "min"
        if waits and schedule.get("mode", better) != better:
            raise ConfigurationError(
                f'"{schedule["mode"]}" does not fit validation_metric "{metric}": expected "{better}"',
                "learning_rate_scheduler.mode",
            )
        return

    asked = {
        "patience": patience,
        "validation_metric": None if metric == DEFAULT_METRIC else metric,
        "learning_rate_scheduler.type": schedule["type"] if waits else None,
    }
    for key, value in asked.items():
        if value is not None:
            raise ConfigurationError(
                f"found {value!r}, but there is no labelled validation data: give validation_data_path, or leave"
                " this out",
                key,
            )


def check_known(name: str, known: Collection[str]) -> None:
    """`ConfigurationError` if validation gives no metric of this name.

    # Parameters

    name : of the metric, without its sign.
    known : the metrics that validation gives; one that ends in `<TYPE>` represents those of all
        entity types.
    """
    by_type = (key.removesuffix("<TYPE>") for key in known if key.endswith("<TYPE>"))
    if name not in known and not any(name.startswith(key) and name != key for key in by_type):
        raise ConfigurationError(
            f'no metric "{name}".{nearest(name, known)} Known: {", ".join(known)}.',
            "validation_metric",
        )
