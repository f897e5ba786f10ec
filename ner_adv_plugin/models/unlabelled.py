"""Text without labels that no part of a model learns from."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.data.checks import PlannedRun
from ner_adv_plugin.modules.objectives import Objective

logger = logging.getLogger(__name__)


def warn_of_unused_text(run: PlannedRun, objectives: Sequence[Mapping[str, Any]]) -> None:
    """Warn of datasets without a task that neither objectives nor instance weightings use.

    It is no error: an ablation has the data, but not the objective.

    # Parameters

    run : the planned run.
    objectives : configs of the objectives, defaults filled in.
    """
    weightings = (run.config.get("trainer") or {}).get("instance_weighting") or {}
    compared = [weighting.get("target") for weighting in weightings.values()]
    for name, space in run.datasets.items():
        if space.head is None and name not in compared and not _is_used(name, objectives):
            logger.warning(
                "dataset_reader.readers.%s: no part of the model learns from this text without"
                ' labels. It could be read by a head "masked_lm", named in "head" of its reader, by'
                ' the objective "distillation", or by an objective that compares domains, such as'
                ' "domain_adversarial". Otherwise remove its reader and paths.',
                name,
            )


def _is_used(dataset: str, objectives: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        (class_of(Objective, settings) or Objective).uses_unlabelled(settings, dataset)
        for settings in objectives
    )
