"""Tuning of the arms of a study: equally many trials for each, before its runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError, below, nearest
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.stages import has_stages, with_last_stage
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.facts import facts_of
from ner_adv_plugin.studies.study import Study, arm_lengths, check_seeds, with_size
from ner_adv_plugin.studies.tuning.settings import BestTrial, TrialSettings, import_optuna
from ner_adv_plugin.studies.tuning.space import SearchSpace, is_search_value
from ner_adv_plugin.studies.tuning.tuner import tune

# What the study itself decides, so that the arms stay comparable.
DECIDED = (
    *("dataset_reader", "validation_dataset_reader", "train_data_path", "validation_data_path"),
    *("test_data_path", "data_loader.leakage", "data_loader.subset", "trainer.num_epochs"),
    *("trainer.max_steps", "trainer.validation_metric", "random_seed", "numpy_seed"),
    *("pytorch_seed", "evaluate_on_test"),
)
# Keys that are tuned for the last stage alone.
OF_LAST_STAGE = ("trainer.", "data_loader.")


def check_tuning(study: Study, jobs: Mapping[str, TrainJob]) -> None:
    """Check `tune_arms` of a study, and that Optuna is installed if it is set.

    # Parameters

    study : its settings.
    jobs : the arms' checked configs.

    # Raises

    `ConfigurationError` at `tune_arms`.
    """
    if (settings := study.tune_arms) is None:
        return
    import_optuna()
    at_least(1, settings.trials, "tune_arms.trials")
    check_seeds(settings.seeds, "tune_arms.seeds")
    if both := sorted(set(settings.seeds) & set(study.seed_list())):
        raise ConfigurationError(
            f"found {both[0]}, a seed of the study: expected others, as values would be chosen by"
            " the runs that they are scored by",
            "tune_arms.seeds",
        )
    for name in settings.arms:
        if name not in study.arms:
            raise ConfigurationError(
                f'no arm "{name}".{nearest(name, study.arms)} Arms: {", ".join(study.arms)}.',
                f"tune_arms.arms.{name}",
            )
    for name, job in jobs.items():
        space = _space(study, name, dict(job.config))
        with below(f"arms.{name}"):
            space.check()


def best_overrides(
    study: Study,
    jobs: Mapping[str, TrainJob],
    folder: Path,
    packages: Sequence[str] = (),
    retry: bool = False,
) -> dict[str, BestTrial]:
    """Tune the arms of a study, one after the other; trials of earlier calls are kept.

    # Parameters

    study : its settings.
    jobs : the arms' checked configs.
    folder : receives a tuning for each arm, see `tune`.
    packages : packages with custom components.
    retry : train others in place of failed trials.

    # Returns

    The best trial of each arm; empty without `tune_arms`.
    """
    if (settings := study.tune_arms) is None:
        return {}
    found = {}
    for name, config in _trial_configs(study, jobs).items():
        print(f"tuning {name}", flush=True)
        found[name] = tune(
            _space(study, name, config),
            folder / name,
            TrialSettings(settings.trials, settings.seeds[0], (*settings.seeds,), retry),
            study.executor,
            packages,
        )
    return found


def tuned_jobs(
    study: Study, jobs: Mapping[str, TrainJob], tuned: Mapping[str, BestTrial]
) -> dict[str, TrainJob]:
    """Return the arms' checked configs with the values of their best trials.

    # Parameters

    study : its settings.
    jobs : the arms' checked configs.
    tuned : of `best_overrides`.
    """
    return {
        name: job
        if name not in tuned
        else checked_job(_space(study, name, dict(job.config)).chosen(tuned[name].values))
        for name, job in jobs.items()
    }


def seconds_of_tuning(study: Study, jobs: Mapping[str, TrainJob]) -> float:
    """Estimate the seconds of training that the trials take if none is pruned."""
    if study.tune_arms is None:
        return 0.0
    size = _size(study)
    seconds = 0.0
    for name, config in _trial_configs(study, jobs).items():
        facts = facts_of(jobs[name], study.target, size)
        own = facts.steps_of(config) * facts.seconds_per_step()
        trial = own + facts.seconds_of_earlier_stages()
        seconds += study.tune_arms.trials * len(study.tune_arms.seeds) * trial
    return seconds


def _trial_configs(study: Study, jobs: Mapping[str, TrainJob]) -> dict[str, dict[str, Any]]:
    """Return the config of each arm with the size and length of its trials."""
    size = _size(study)
    lengths = arm_lengths(study, study.budget_list()[0], jobs, size)
    return {
        name: with_last_stage(with_size(study, job, size), lengths[name])
        for name, job in jobs.items()
    }


def _size(study: Study) -> int | None:
    """Return the largest number of target sentences of a study, None for all."""
    sizes = [size for size in study.size_list() if size is not None]
    return None if None in study.size_list() else max(sizes)


def _space(study: Study, name: str, config: dict[str, Any]) -> SearchSpace:
    """Return the config of an arm with the search values of `tune_arms`."""
    assert study.tune_arms is not None
    places = {
        "tune_arms.space": study.tune_arms.space,
        f"tune_arms.arms.{name}": study.tune_arms.arms.get(name, {}),
    }
    for place, overrides in places.items():
        for key, value in overrides.items():
            path = f"{place}.{key}"
            if not is_search_value(value):
                raise ConfigurationError(
                    f"expected {{ lo, hi, log }} or {{ choices }}, found {json.dumps(value)}", path
                )
            if any(key == one or key.startswith(f"{one}.") for one in DECIDED):
                raise ConfigurationError("the study decides this: it cannot be tuned", path)
            with below(place):
                SearchSpace({key: value})
                # A search value replaces what is there; it is not merged into it.
                config = _with_value(config, key, value)
    if not any(places.values()):
        raise ConfigurationError(
            f'no search space for arm "{name}": all arms have equally many trials',
            "tune_arms.space",
        )
    return SearchSpace(config)


def _with_value(config: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return a config with a search value in place of what is there.

    In a config with stages, values of the trainer and the data loader are those of the last stage,
    so that all trials start with the same stages; others hold for all stages.
    """
    if has_stages(config) and key.startswith(OF_LAST_STAGE):
        return with_last_stage(config, {key: value})
    return with_overrides(with_overrides(config, {key: None}), {key: value})
