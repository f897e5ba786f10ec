"""Tuning: the best values of a search space, on validation data."""

from ner_adv_plugin.studies.tuning.arms import (
    best_overrides,
    check_tuning,
    seconds_of_tuning,
    tuned_jobs,
)
from ner_adv_plugin.studies.tuning.settings import BestTrial, TrialSettings, import_optuna
from ner_adv_plugin.studies.tuning.space import SearchSpace
from ner_adv_plugin.studies.tuning.tuner import tune

__all__ = [
    "BestTrial",
    "SearchSpace",
    "TrialSettings",
    "best_overrides",
    "check_tuning",
    "import_optuna",
    "seconds_of_tuning",
    "tune",
    "tuned_jobs",
]
