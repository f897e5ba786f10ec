"""The trials of a tuning, in Optuna's storage and in the folders of their runs."""

import csv
import io
import json
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_text
from ner_adv_plugin.studies.executors import Executor
from ner_adv_plugin.studies.study import with_seed
from ner_adv_plugin.studies.tuning.settings import BestTrial, TrialSettings, import_optuna
from ner_adv_plugin.studies.tuning.space import Range, SearchSpace
from ner_adv_plugin.studies.tuning.trial import TrialRun, TrialRuns

if TYPE_CHECKING:
    import optuna

logger = logging.getLogger(__name__)
STORAGE, TABLE, BEST = "trials.db", "trials.csv", "best.jsonnet"
POLL_SECONDS = 0.5
# A trial of an earlier call that cannot be resumed; it does not count.
STALE = "stale"
FEWEST_FOR_IMPORTANCE = 10


class Trials:
    """The trials of a folder.

    # Parameters

    space, folder, settings, executor : see `ner_adv_plugin.studies.tuning.tune`.
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
        running: list[tuple[optuna.trial.Trial, TrialRuns]] = []
        try:
            while running or waiting or self._missing(0):
                while len(running) < self.executor.jobs and (
                    waiting or self._missing(len(running))
                ):
                    trial, runs = waiting.pop(0) if waiting else self._ask()
                    runs.start(self.executor, packages)
                    running.append((trial, runs))
                time.sleep(POLL_SECONDS)
                running = [pair for pair in running if not self._ends(*pair, packages)]
        finally:
            # Those that still run are resumed by the next call.
            for _, runs in running:
                runs.stop()

    def _missing(self, running: int) -> bool:
        return len(self._counted()) + running < self.settings.trials

    def _counted(self) -> "list[optuna.trial.FrozenTrial]":
        """Return the trials that ended, without stale ones and those that are retried."""
        found = self.study.get_trials(deepcopy=False, states=self.ended)
        return [trial for trial in found if trial.number not in self.not_counted]

    def _interrupted(self) -> "Iterator[tuple[optuna.trial.Trial, TrialRuns]]":
        """Yield the trials of a call that was killed; those without a config are marked failed."""
        states = self.optuna.trial.TrialState
        for frozen in self.study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            trial = self.optuna.trial.Trial(self.study, frozen._trial_id)
            runs = self._runs_of(frozen.number)
            runs.reported = len(frozen.intermediate_values)
            if runs.is_planned:
                yield trial, runs
            else:
                trial.set_user_attr(STALE, True)
                self.not_counted.add(frozen.number)
                self.study.tell(trial, state=states.FAIL)

    def _ask(self) -> "tuple[optuna.trial.Trial, TrialRuns]":
        """Sample the values of a new trial and write the configs of its runs."""
        number = len(self.study.get_trials(deepcopy=False))
        # A seed for each trial: a call that resumes does not draw the first values again.
        seed = int(np.random.SeedSequence([self.settings.seed, number]).generate_state(1)[0])
        self.study.sampler = self.optuna.samplers.TPESampler(
            seed=seed, constant_liar=self.executor.jobs > 1
        )
        if (untried := self._untried()) is not None:
            self.study.enqueue_trial(untried)
        trial = self.study.ask(self._distributions())
        runs = self._runs_of(trial.number)
        config = self.space.filled(self._values(trial.params))
        seeds = self.settings.run_seeds
        runs.plan([with_seed(config, seed) for seed in seeds] if seeds else [config])
        return trial, runs

    def _untried(self) -> dict[str, Any] | None:
        """Return the next combination of choices, if the trials suffice for all."""
        tried = [
            trial.params
            for trial in self.study.get_trials(deepcopy=False)
            if trial.number not in self.not_counted
        ]
        for values in self.space.combinations(self.settings.trials):
            params = {name: _text(value) for name, value in values.items()}
            if params not in tried:
                return params
        return None

    def _runs_of(self, number: int) -> TrialRuns:
        name = f"{number:04}"
        names = [name, *(f"{name}-seed{seed}" for seed in self.settings.run_seeds[1:])]
        folder = self.folder / "trials"
        return TrialRuns(number, [TrialRun(folder / one, self.metric[1:]) for one in names])

    def _distributions(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        distributions = self.optuna.distributions
        for name, value in self.space.values.items():
            if not isinstance(value, Range):
                found[name] = distributions.CategoricalDistribution([*map(_text, value.values)])
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

    def _ends(self, trial: "optuna.trial.Trial", runs: TrialRuns, packages: Sequence[str]) -> bool:
        """Judge new epochs of the first run, then start the next one, or end the trial.

        # Returns

        Whether the trial has ended.
        """
        states = self.optuna.trial.TrialState
        run = runs.started
        # Asked first: a run that finishes in between has all its scores.
        finished = run.finished()
        for score in runs.scores()[runs.judged :]:
            if runs.judged >= runs.reported:
                trial.report(score, runs.judged)
            runs.judged += 1
            # Decided epoch by epoch, however far the run got in the meantime.
            if trial.should_prune():
                run.abandon()
                self._tell(trial, states.PRUNED)
                return True
        if not finished:
            return False

        if run.is_done and not runs.is_done and not math.isnan(run.value()):
            runs.start(self.executor, packages)
            return False
        if runs.is_done and not math.isnan(value := runs.value()):
            trial.set_user_attr("seconds", runs.seconds())
            self._tell(trial, states.COMPLETE, value)
        else:
            run.abandon()
            self._tell(trial, states.FAIL)
            logger.warning("trial %d failed:\n%s", trial.number, run.failure())
        return True

    def _tell(self, trial: "optuna.trial.Trial", state: Any, value: float | None = None) -> None:
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


def _text(choice: Any) -> str:
    """Return a choice as Optuna's storage holds it."""
    return json.dumps(choice, ensure_ascii=False)


def _word(state: Any) -> str:
    """Return "complete", "pruned", "failed" or "running"."""
    name: str = state.name.lower()
    return "failed" if name == "fail" else name


def _rounded(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
