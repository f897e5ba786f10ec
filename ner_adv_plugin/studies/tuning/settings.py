"""How a config is tuned, and what comes of it."""

from dataclasses import dataclass
from typing import Any

from ner_adv_plugin.common.extras import require_extra


@dataclass(frozen=True)
class TrialSettings:
    """How a config is tuned.

    # Parameters

    trials : number of trials in all, pruned and failed ones included.
    seed : of the sampler.
    run_seeds : each trains every trial, whose score is the mean; empty for the seeds of the config
        alone.
    retry : whether failed trials do not count, so that others take their place.
    """

    trials: int
    seed: int = 0
    run_seeds: tuple[int, ...] = ()
    retry: bool = False


@dataclass(frozen=True)
class BestTrial:
    """The best of all trials.

    # Parameters

    number : of the trial.
    value : its validation metric, the mean over its runs.
    metric : the metric with its sign.
    values : its values by path.
    trials : number of trials.
    importances : share of the variance of the metric that each value explains (functional ANOVA,
        Hutter et al. 2014); empty with fewer than ten finished trials.
    """

    number: int
    value: float
    metric: str
    values: dict[str, Any]
    trials: int
    importances: dict[str, float]


def import_optuna() -> Any:
    """Return the package optuna.

    # Raises

    `UserError` if it is not installed.
    """
    optuna: Any = require_extra("optuna", "tuning")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
