"""Checks of the settings of a trainer before data are read, and of its components after that."""

from collections.abc import Mapping
from typing import Any

from ner_adv_plugin.common.bounds import above, at_least
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.processes import check_adds_up, world_size
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset
from ner_adv_plugin.inference.calibration import calibrated_heads
from ner_adv_plugin.inference.evaluator import Evaluator
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.objectives import objectives_of
from ner_adv_plugin.training.metric_checks import check_known, check_metric
from ner_adv_plugin.training.optimization.parameter_groups import check_patterns
from ner_adv_plugin.training.steps.step import TrainingStep

# Keys that are null or a number of 1 or more.
_POSITIVE = (
    "num_epochs",
    "num_gradient_accumulation_steps",
    "max_steps",
    "threads",
    "max_tokens_per_pass",
)


def check_settings(settings: Mapping[str, Any], context: RunContext) -> None:
    """Check that numbers, patterns, dataset names and the metric of a trainer are valid.

    # Parameters

    settings : settings of the trainer, with defaults filled in.
    context : what is known of the run.

    # Raises

    ConfigurationError : if a setting is invalid; its path is relative to the trainer.
    """
    for key in _POSITIVE:
        at_least(1, settings.get(key), key)
    for key in ("grad_norm", "grad_clipping"):
        above(0, settings.get(key), key)
    check_patterns(settings.get("no_grad") or [], "no_grad")

    run = context.run
    if run is not None:
        for name in settings.get("instance_weighting") or {}:
            check_dataset(name, run.datasets, f"instance_weighting.{name}")
    check_metric(settings, run)
    if settings.get("calibration") is not None and run is not None and not run.validated:
        raise ConfigurationError("there is no labelled validation data to fit it on", "calibration")


def check_evaluation(model: Model, evaluator: Evaluator, metric: str, calibrated: bool) -> None:
    """Check that the validation metric exists, and that all heads can be calibrated.

    # Parameters

    model, evaluator : the model, and its validation.
    metric : name of the validation metric.
    calibrated : whether heads are calibrated at the end of training.

    # Raises

    ConfigurationError : if they do not or cannot.
    """
    if evaluator.by_head:
        check_known(metric, evaluator.metric_names())
    if calibrated:
        for head in calibrated_heads(evaluator):
            model.check_calibration(head)


def check_processes(step: TrainingStep, model: Model) -> None:
    """Check that step and objectives support several processes, if there are several.

    # Raises

    ConfigurationError : if one of them needs the whole batch.
    """
    for component in (step, *objectives_of(model)):
        check_adds_up(type(component), world_size())
