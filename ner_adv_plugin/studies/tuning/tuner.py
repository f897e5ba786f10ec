"""The tuning of a config with Optuna; only validation data is scored."""

import csv
import fcntl
import io
import json
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json, write_text
from ner_adv_plugin.common.params import first_difference
from ner_adv_plugin.common.wording import shown
from ner_adv_plugin.studies.executors import Executor
from ner_adv_plugin.studies.tuning.space import Range, SearchSpace, metric_of
from ner_adv_plugin.studies.tuning.trial import TrialRun

if TYPE_CHECKING:
    import optuna

logger = logging.getLogger(__name__)
SETTINGS, STORAGE, TABLE, BEST = "tuning.json", "trials.db", "trials.csv", "best.jsonnet"
POLL_SECONDS = 0.5
# A trial of an earlier call that cannot be resumed; it does not count.
STALE = "stale"
FEWEST_FOR_IMPORTANCE = 10


@dataclass(frozen=True)
class TrialSettings:
    """How a config is tuned.

    # Parameters

    trials : number of trials in all, pruned and failed ones included.
    seed : of the sampler.
    retry : whether failed trials do not count, so that others take their place.
    """

    trials: int
    seed: int = 0
    retry: bool = False


@dataclass(frozen=True)
class BestTrial:
    """The best of all trials.

    # Parameters

    number : of the trial.
    value : its validation metric.
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
    try:
        import optuna
    except ImportError as error:
        raise UserError("tuning needs Optuna: pip install 'ner_adv_plugin[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def tune(
    space: SearchSpace,
    folder: Path,
    settings: TrialSettings,
    executor: Executor,
    packages: Sequence[str] = (),
) -> BestTrial:
    """Train the trials that are missing and write the best config.

    Values are sampled by a tree-structured Parzen estimator (Bergstra et al. 2011). After each
    epoch a trial is pruned if its best validation score is below the median of those that others
    had after this epoch (of five trials or more). A trial's score is that of its best epoch.

    # Parameters

    space : the config with its search values.
    folder : receives `trials.db` (Optuna's storage), `trials.csv`, `best.jsonnet` and the trials'
        runs; trials in it are kept, and those that were killed are resumed.
    settings : number of trials, seed.
    executor : trains the trials, `executor.jobs` at a time.
    packages : packages with custom components.

    # Returns

    The best trial.

    # Raises

    `UserError` if the folder holds something else, or if no trial has finished.
    """
    import_optuna()
    metric = metric_of(space.check())
    with _alone(folder):
        _check_folder(folder, space, metric)
        tuning = _Tuning(space, folder, settings, executor, metric)
        tuning.run(packages)
        return tuning.write()


class _Tuning:
    """The trials of a folder.

    # Parameters

    space, folder, settings, executor : see `tune`.
    metric : the validation metric with its sign.
    """

    def __init__(
        self,
        space: SearchSpace,
        folder: Path,
        settings: TrialSettings,
        executor: Executor,
        metric: str,
    ) -> None:
        self.optuna = import_optuna()
        self.space = space
        self.folder = folder
        self.settings = settings
        self.executor = executor
        self.metric = metric
        self.study: optuna.Study = self.optuna.create_study(
            study_name="tuning",
            storage=f"sqlite:///{(folder / STORAGE).resolve()}",
            direction="maximize" if metric[0] == "+" else "minimize",
            pruner=self.optuna.pruners.MedianPruner(),
            load_if_exists=True,
        )
        states = self.optuna.trial.TrialState
        self.ended = (states.COMPLETE, states.PRUNED, states.FAIL)
        failed = self.study.get_trials(deepcopy=False, states=(states.FAIL,))
        self.not_counted = {
            trial.number for trial in failed if settings.retry or trial.user_attrs.get(STALE)
        }

    def run(self, packages: Sequence[str]) -> None:
        """Train all missing trials."""
        waiting = list(self._interrupted())
        running: list[tuple[optuna.trial.Trial, TrialRun]] = []
        try:
            while running or waiting or self._missing(0):
                while len(running) < self.executor.jobs and (
                    waiting or self._missing(len(running))
                ):
                    trial, run = waiting.pop(0) if waiting else self._ask()
                    run.start(self.executor, packages)
                    running.append((trial, run))
                time.sleep(POLL_SECONDS)
                running = [pair for pair in running if not self._ends(*pair)]
        finally:
            # Those that still run are resumed by the next call.
            for _, run in running:
                if run.handle is not None:
                    run.handle.stop()

    def _missing(self, running: int) -> bool:
        return len(self._counted()) + running < self.settings.trials

    def _counted(self) -> "list[optuna.trial.FrozenTrial]":
        """Return the trials that ended, without stale ones and those that are retried."""
        found = self.study.get_trials(deepcopy=False, states=self.ended)
        return [trial for trial in found if trial.number not in self.not_counted]

    def _interrupted(self) -> "Iterator[tuple[optuna.trial.Trial, TrialRun]]":
        """Yield the trials of a call that was killed; those without a config are marked failed."""
        states = self.optuna.trial.TrialState
        for frozen in self.study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            trial = self.optuna.trial.Trial(self.study, frozen._trial_id)
            run = self._run_of(frozen.number)
            run.reported = len(frozen.intermediate_values)
            if run.is_planned:
                yield trial, run
            else:
                trial.set_user_attr(STALE, True)
                self.not_counted.add(frozen.number)
                self.study.tell(trial, state=states.FAIL)

    def _ask(self) -> "tuple[optuna.trial.Trial, TrialRun]":
        """Sample the values of a new trial and write its config."""
        number = len(self.study.get_trials(deepcopy=False))
        # A seed for each trial: a call that resumes does not draw the first values again.
        seed = int(np.random.SeedSequence([self.settings.seed, number]).generate_state(1)[0])
        self.study.sampler = self.optuna.samplers.TPESampler(
            seed=seed, constant_liar=self.executor.jobs > 1
        )
        trial = self.study.ask(self._distributions())
        run = self._run_of(trial.number)
        run.plan(self.space.filled(self._values(trial.params)))
        return trial, run

    def _run_of(self, number: int) -> TrialRun:
        return TrialRun(number, self.folder / "trials" / f"{number:04}", self.metric[1:])

    def _distributions(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        distributions = self.optuna.distributions
        for name, value in self.space.values.items():
            if not isinstance(value, Range):
                texts = [json.dumps(one, ensure_ascii=False) for one in value.values]
                found[name] = distributions.CategoricalDistribution(texts)
            elif value.whole:
                found[name] = distributions.IntDistribution(value.lo, value.hi, log=value.log)
            else:
                found[name] = distributions.FloatDistribution(value.lo, value.hi, log=value.log)
        return found

    def _values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a trial; choices are stored as JSON."""
        return {
            name: value if isinstance(self.space.values[name], Range) else json.loads(value)
            for name, value in params.items()
        }

    def _ends(self, trial: "optuna.trial.Trial", run: TrialRun) -> bool:
        """Report the scores of new epochs; prune or end the trial. Returns whether it has ended."""
        states = self.optuna.trial.TrialState
        # Asked first: a run that finishes in between has all its scores.
        finished = run.finished()
        for score in run.scores()[run.judged :]:
            if run.judged >= run.reported:
                trial.report(score, run.judged)
            run.judged += 1
            # Decided epoch by epoch, however far the run got in the meantime.
            if trial.should_prune():
                run.abandon()
                self._tell(trial, run, states.PRUNED)
                return True
        if not finished:
            return False

        if run.is_done and not math.isnan(value := self._value(run)):
            trial.set_user_attr("seconds", run.result()["seconds"])
            self._tell(trial, run, states.COMPLETE, value)
        else:
            run.abandon()
            self._tell(trial, run, states.FAIL)
            logger.warning("trial %d failed:\n%s", trial.number, run.failure())
        return True

    def _value(self, run: TrialRun) -> float:
        value: float = run.result()["metrics"][f"best_validation_{self.metric[1:]}"]
        return value

    def _tell(
        self, trial: "optuna.trial.Trial", run: TrialRun, state: Any, value: float | None = None
    ) -> None:
        self.study.tell(trial, value, state)
        score = f"{self.metric[1:]} {value:.4f}" if value is not None else _word(state)
        values = ", ".join(
            f"{name} {_rounded(one)}" for name, one in self._values(trial.params).items()
        )
        done = f"{len(self._counted())} of {self.settings.trials}"
        print(f"trial {trial.number} ({done}): {score}; {values}", flush=True)

    def write(self) -> BestTrial:
        """Write `trials.csv` and `best.jsonnet`; return the best trial."""
        write_text(self.folder / TABLE, self._table())
        states = self.optuna.trial.TrialState
        completed = self.study.get_trials(deepcopy=False, states=(states.COMPLETE,))
        if not completed:
            raise UserError(
                f"no trial has finished: see worker.log in the folders below {self.folder}/trials;"
                " --retry trains others in their place"
            )
        found = self.study.best_trial
        assert found.value is not None
        best = BestTrial(
            number=found.number,
            value=found.value,
            metric=self.metric,
            values=self._values(found.params),
            trials=len(self._counted()),
            importances=self._importances(completed),
        )

        head = f"// Trial {best.number} of {best.trials}: {self.metric} {best.value:.6f}.\n"
        text = json.dumps(self.space.chosen(best.values), ensure_ascii=False, indent=2)
        write_text(self.folder / BEST, f"{head}{text}\n")
        return best

    def _importances(self, completed: "Sequence[optuna.trial.FrozenTrial]") -> dict[str, float]:
        """Return the importance of each value, if there are enough trials to tell."""
        is_constant = len({trial.value for trial in completed}) < 2
        if len(completed) < FEWEST_FOR_IMPORTANCE or is_constant or len(self.space.values) < 2:
            return {}
        importance = self.optuna.importance
        evaluator = importance.FanovaImportanceEvaluator(seed=self.settings.seed)
        found: dict[str, float] = importance.get_param_importances(self.study, evaluator=evaluator)
        return found

    def _table(self) -> str:
        """Return a line for each trial."""
        text = io.StringIO()
        columns = ["number", "state", "value", "epochs", "seconds", *self.space.values]
        table = csv.DictWriter(text, columns, lineterminator="\n")
        table.writeheader()
        for trial in self.study.get_trials(deepcopy=False):
            if trial.user_attrs.get(STALE):
                continue
            seconds = trial.user_attrs.get("seconds")
            row = {
                "number": trial.number,
                "state": _word(trial.state),
                "value": "" if trial.value is None else f"{trial.value:.6f}",
                "epochs": len(trial.intermediate_values),
                "seconds": "" if seconds is None else f"{seconds:.1f}",
            }
            table.writerow({**row, **trial.params})
        return text.getvalue()


def _word(state: Any) -> str:
    """Return "complete", "pruned", "failed" or "running"."""
    name: str = state.name.lower()
    return "failed" if name == "fail" else name


def _rounded(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _check_folder(folder: Path, space: SearchSpace, metric: str) -> None:
    """Note the config in the folder; refuse a folder with another config or something else.

    # Raises

    `UserError` if it has files and is not of a tuning, or of the tuning of another config.
    """
    noted = folder / SETTINGS
    if noted.is_file():
        before = json.loads(noted.read_text("utf-8"))["config"]
        if found := first_difference(before, space.config):
            path, old, new = found
            raise UserError(
                f"{folder} holds trials of another config: {path} was {shown(old)}, is"
                f" {shown(new)}. Choose another folder."
            )
        return
    if any(file.name != "lock" for file in folder.iterdir()):
        raise UserError(f"{folder} has files and is not the folder of a tuning")
    write_json(noted, {"metric": metric, "config": space.config})


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that no other call tells trials apart differently.

    # Raises

    `UserError` if another process has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"another process tunes in {folder}") from error
        yield
