"""The metrics of one epoch of training."""

import resource
from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.data.batching.updates import Updates
from ner_adv_plugin.modules.statistics import Statistics, averages
from ner_adv_plugin.training.metric_tracker import MetricTracker


def epoch_scores(
    totals: Statistics, validation: Mapping[str, float], updates: Mapping[str, Updates]
) -> dict[str, float]:
    """Return the scores of an epoch, named by the data that they were computed on.

    # Parameters

    totals : sums and counts over the training steps of the epoch.
    validation : scores of the validation data.
    updates : number of updates and sentences of the epoch from each dataset.
    """
    scores = {f"training_{name}": value for name, value in _computed(averages(totals)).items()}
    scores.update({f"validation_{name}": value for name, value in validation.items()})
    for name, own in updates.items():
        scores[f"training_{name}_updates"] = own.steps
        scores[f"training_{name}_sentences"] = own.sentences
    return scores


def epoch_metrics(
    epoch: int,
    seconds: float,
    scores: Mapping[str, float],
    updates: Mapping[str, Updates],
    tracker: MetricTracker,
) -> dict[str, Any]:
    """Return the content of an epoch's metrics file.

    # Parameters

    epoch : index of the epoch.
    seconds : duration of the run so far.
    scores : scores of the epoch.
    updates : number of updates and sentences of the run so far from each dataset.
    tracker : knows the best epoch.
    """
    return {
        "epoch": epoch,
        "training_epochs": epoch + 1,
        "training_duration": seconds,
        **{f"total_{name}_updates": own.steps for name, own in updates.items()},
        **{f"total_{name}_sentences": own.sentences for name, own in updates.items()},
        "peak_memory_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **scores,
        "best_epoch": tracker.best_epoch,
        **{f"best_validation_{name}": value for name, value in tracker.best_metrics.items()},
    }


def _computed(training: Mapping[str, float]) -> dict[str, float]:
    """Leave out a total loss of 0 if no loss was computed: nothing was learnt, not everything."""
    losses = [name for name in training if name.endswith("_loss")]
    nothing = training.get("loss") == 0.0 and not losses
    return {name: value for name, value in training.items() if not (nothing and name == "loss")}
