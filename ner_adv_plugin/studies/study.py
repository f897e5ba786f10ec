"""The keys of a study's config, and the grid of runs that it describes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.binding import bind
from ner_adv_plugin.common.errors import ConfigurationError, below, joined, nearest
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.common.stages import with_last_stage
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.budgets import Budget, EqualEpochs
from ner_adv_plugin.studies.executors import Executor, LocalExecutor
from ner_adv_plugin.studies.facts import facts_of

# Scores that follow from counts of entities per sentence, so that their differences have intervals.
METRICS = "f1, or f1_<TYPE> for one entity type"


@dataclass(kw_only=True)
class Arm:
    """One way to train that a study compares.

    # Parameters

    config : path of its config; the study's by default.
    overrides : merged into the config, as `--overrides` of `allennlp train`.
    leaks : it trains on sentences by which it is scored, to show what that does. It is called
        leaked, and neither helps nor hurts. No other arm may train on them.
    """

    config: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    leaks: bool = False


@dataclass(kw_only=True)
class TuneArms:
    """Tune every arm with equally many trials before its runs, on validation data.

    All arms are tuned with all target sentences, or the most of `sizes`, and the first budget.

    # Parameters

    trials : trials of each arm, pruned and failed ones included.
    seeds : each trains every trial, whose score is the mean; none of the study's, which would
        choose the values by which they are scored. The first one is also that of the sampler.
    space : overrides of all arms, with `{ lo, hi, log }` or `{ choices }` for values.
    arms : more of them, by arm.
    """

    trials: int
    seeds: list[int] = field(default_factory=lambda: [0])
    space: dict[str, Any] = field(default_factory=dict)
    arms: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(kw_only=True)
class Study:
    """The keys of a study's config.

    # Parameters

    arms : what is compared, by name.
    baseline : the arm that all others are compared with.
    target : the dataset whose test set is scored, or its validation set if there is no test set.
    config : path of the config of all arms that do not name their own.
    metric : of the target's head: f1, or f1_<TYPE> for one entity type.
    seeds : a list, or a number n for the seeds 1 to n; each trains every arm.
    sizes : numbers of target training sentences, null for all; by default all.
    budget : what is equal between arms, see `Budget`; a list trains the arms for each.
    executor : where runs are trained, see `Executor`.
    tune_arms : tune every arm before its runs, see `TuneArms`; by default none.
    keep_models : keep every run's archive; by default only its config, metrics and predictions.
    rounds : rounds of randomisation, and resamples of bootstraps.
    """

    arms: dict[str, Arm]
    baseline: str
    target: str
    config: str | None = None
    metric: str = "f1"
    seeds: int | list[int] = 3
    sizes: list[int | None] | None = None
    budget: Budget | list[Budget] = field(default_factory=EqualEpochs)
    executor: Executor = field(default_factory=LocalExecutor)
    tune_arms: TuneArms | None = None
    keep_models: bool = False
    rounds: int = 10_000

    def seed_list(self) -> list[int]:
        """Return the seeds."""
        return list(range(1, self.seeds + 1)) if isinstance(self.seeds, int) else self.seeds

    def size_list(self) -> list[int | None]:
        """Return the numbers of target training sentences, None for all."""
        return [None] if self.sizes is None else self.sizes

    def budget_list(self) -> list[Budget]:
        """Return the budgets."""
        return self.budget if isinstance(self.budget, list) else [self.budget]


@dataclass(frozen=True)
class PlannedStudyRun:
    """One cell of the grid.

    # Parameters

    arm, size, seed, budget : where it stands in the grid; `size` is None for all sentences.
    config : its whole config.
    """

    arm: str
    size: int | None
    seed: int
    budget: str
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return what the live table and the logs call it."""
        return f"{self.arm}-{self.size or 'all'}-{self.budget}-seed{self.seed}"


def load_study(path: str | Path, overrides: str = "") -> Study:
    """Read and check a study's config.

    # Raises

    `ConfigurationError` with the path in the study of what is wrong.
    """
    config = load_config(path, overrides)
    if "targets" in config:
        raise ConfigurationError("expected a study of one target, found several", "targets")
    return study_of(config)


def study_of(config: Mapping[str, Any]) -> Study:
    """Check the config of a study; see `load_study`."""
    if "dataset_reader" in config:
        raise ConfigurationError(
            "this is the config of a run: a study names it as that of an arm",
            "dataset_reader",
        )
    study: Study = bind(Study, config, "").build({})
    _check(study)
    return study


def check_file_names(names: Iterable[str], path: str, what: str) -> None:
    """Refuse names that are no names of files.

    # Parameters

    names : of arms or targets.
    path : in the study.
    what : they name, for the message.
    """
    for name in names:
        if not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigurationError(
                f'found "{name}": {what} gives files their names,'
                " expected letters, digits, - and _",
                path,
            )


def check_seeds(seeds: Sequence[int], path: str) -> None:
    """Refuse seeds that are none, the same, or below 0.

    # Parameters

    path : of the seeds in the study.
    """
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ConfigurationError(
            f"expected different seeds, each 0 or more, found {list(seeds)}", path
        )


def arm_config(study: Study, name: str) -> dict[str, Any]:
    """Return the config of an arm before seeds, sizes and budgets.

    # Raises

    `ConfigurationError`, at `arms.<name>`, if there is none, or if an override changes nothing.
    """
    arm = study.arms[name]
    path = arm.config or study.config
    if path is None:
        raise ConfigurationError(
            "no config: give the arm one, or the study one for all arms", f"arms.{name}.config"
        )
    place = f"arms.{name}.config" if arm.config else "config"
    try:
        config = load_config(path)
    except ConfigurationError as error:
        raise ConfigurationError(str(error), place) from error
    for key, value in arm.overrides.items():
        with below(f"arms.{name}.overrides"):
            changed = with_overrides(config, {key: value})
        if changed == config:
            raise ConfigurationError(
                f"this override changes nothing in {path}", f"arms.{name}.overrides.{key}"
            )
        config = changed
    return config


def checked_arms(study: Study) -> dict[str, TrainJob]:
    """Check every arm's config as `allennlp train` would, and that it can be compared.

    # Raises

    `ConfigurationError` at `arms.<name>` for the first arm that cannot.
    """
    jobs: dict[str, TrainJob] = {}
    for name in study.arms:
        config = arm_config(study, name)
        try:
            job = checked_job(config)
            _check_target(study, job)
        except ConfigurationError as error:
            # A path may be absolute: it starts at the root of the arm's config.
            raise ConfigurationError(error.message, joined(f"arms.{name}", error.path)) from error
        for other, known in jobs.items():
            # With the defaults of both written out.
            if known.whole == job.whole:
                raise ConfigurationError(f'the same config as arm "{other}"', f"arms.{name}")
        jobs[name] = job
    return jobs


def target_head(study: Study, job: TrainJob) -> str:
    """Return the head of an arm that the target belongs to."""
    head = job.sources.reader.readers[study.target].head
    assert head is not None
    return head


def grid(study: Study, jobs: Mapping[str, TrainJob]) -> Iterator[PlannedStudyRun]:
    """Return every run: the same seed gives all arms the same target sentences and order.

    # Parameters

    jobs : of `checked_arms`, whose configs are without a budget.
    """
    for budget in study.budget_list():
        for size in study.size_list():
            lengths = arm_lengths(study, budget, jobs, size)
            for seed in study.seed_list():
                for name, job in jobs.items():
                    config = with_seed(with_size(study, job, size), seed)
                    config = with_last_stage(config, lengths[name])
                    yield PlannedStudyRun(name, size, seed, budget.name, config)


def arm_lengths(
    study: Study, budget: Budget, jobs: Mapping[str, TrainJob], size: int | None
) -> dict[str, dict[str, Any]]:
    """Return the overrides that give every arm its length at a size; see `Budget.lengths`."""
    facts = {name: facts_of(job, study.target, size) for name, job in jobs.items()}
    return budget.lengths(facts, study.baseline)


def with_size(study: Study, job: TrainJob, size: int | None) -> dict[str, Any]:
    """Return an arm's config with a number of target sentences, None for all."""
    # The study scores the test set itself, once, and keeps the predictions.
    changes: dict[str, Any] = {"evaluate_on_test": False}
    if size is not None:
        changes["data_loader.subset"] = {study.target: size}
    return with_overrides(dict(job.config), changes)


def with_seed(config: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return a config with a seed."""
    return {**config, "random_seed": seed, "numpy_seed": seed, "pytorch_seed": seed}


def _check(study: Study) -> None:
    """Refuse what does not depend on the arms' configs."""
    if study.baseline not in study.arms:
        raise ConfigurationError(
            f'no arm "{study.baseline}".{nearest(study.baseline, study.arms)}'
            f" Arms: {', '.join(study.arms)}.",
            "baseline",
        )
    if study.arms[study.baseline].leaks:
        raise ConfigurationError(
            "expected false: the baseline must not leak", f"arms.{study.baseline}.leaks"
        )
    if len(study.arms) < 2:
        raise ConfigurationError("expected the baseline and one arm or more", "arms")
    check_file_names(study.arms, "arms", "an arm")
    if study.metric != "f1" and not study.metric.startswith("f1_"):
        raise ConfigurationError(f'found "{study.metric}", expected {METRICS}', "metric")
    _check_numbers(study)
    names = [budget.name for budget in study.budget_list()]
    if len(set(names)) < len(names):
        raise ConfigurationError("two budgets of one type", "budget")


def _check_numbers(study: Study) -> None:
    sizes = study.size_list()
    check_seeds(study.seed_list(), "seeds")
    if not sizes or len(set(sizes)) < len(sizes):
        raise ConfigurationError(f"expected different sizes, found {study.sizes}", "sizes")
    for size in sizes:
        if size is not None and size < 1:
            raise ConfigurationError(f"expected 1 or more, or null, found {size}", "sizes")


def _check_target(study: Study, job: TrainJob) -> None:
    """Refuse an arm that does not score the target by the study's metric."""
    readers = job.sources.reader.readers
    if study.target not in readers:
        raise ConfigurationError(
            f'it does not read the target "{study.target}".{nearest(study.target, readers)}'
            f" Datasets: {', '.join(readers)}.",
            "dataset_reader",
        )
    reader = readers[study.target]
    if reader.head is None:
        raise ConfigurationError(
            f'the target "{study.target}" belongs to no task, so nothing scores it',
            f"dataset_reader.readers.{study.target}.head",
        )
    if reader.task == "segmentation" and study.metric != "f1":
        raise ConfigurationError(
            f'the arm does not produce "{study.metric}": the target is segmentation, with f1 only',
            "dataset_reader",
        )
    if study.target not in job.sources.paths.get("validation", {}):
        raise ConfigurationError(
            f'no validation set of the target "{study.target}": checkpoints are chosen on it',
            "validation_data_path",
        )
