"""The tuning of a config with Optuna; only validation data is scored."""

import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ner_adv_plugin.common.differences import all_differences
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.wording import shown
from ner_adv_plugin.studies.executors import Executor
from ner_adv_plugin.studies.tuning.settings import BestTrial, TrialSettings
from ner_adv_plugin.studies.tuning.space import SearchSpace, metric_of
from ner_adv_plugin.studies.tuning.trials import Trials
from ner_adv_plugin.studies.worker import STAGES

SETTINGS = "tuning.json"


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
    had after this epoch (of five trials or more). A trial's score is that of its best epoch; with
    several seeds it is the mean of their runs, and the first of them is judged for pruning.

    # Parameters

    space : the config with its search values.
    folder : receives `trials.db` (Optuna's storage), `trials.csv`, `best.jsonnet` and the trials'
        runs; trials in it are kept, and those that were killed are resumed.
    settings : number of trials, seeds.
    executor : trains the trials, `executor.jobs` at a time.
    packages : packages with custom components.

    # Returns

    The best trial.

    # Raises

    `UserError` if the folder holds something else, or if no trial has finished.
    """
    metric = metric_of(space.check())
    with _alone(folder):
        _check_folder(folder, space, metric, settings.run_seeds)
        trials = Trials(space, folder, settings, executor, metric)
        trials.run(packages)
        # Those that its trials have shared.
        shutil.rmtree(folder / STAGES, ignore_errors=True)
        return trials.write()


def _check_folder(folder: Path, space: SearchSpace, metric: str, run_seeds: Sequence[int]) -> None:
    """Note the config in the folder; refuse a folder with another config or something else.

    # Raises

    `UserError` if it has files and is not of a tuning, or of the tuning of another config or with
    other seeds of runs.
    """
    noted = folder / SETTINGS
    if noted.is_file():
        before = json.loads(noted.read_text("utf-8"))
        if found := next(all_differences(before["config"], space.config), None):
            path, old, new = found
            raise UserError(
                f"{folder} holds trials of another config: {path} was {shown(old)}, is"
                f" {shown(new)}. Choose another folder."
            )
        if before.get("run_seeds", []) != [*run_seeds]:
            raise UserError(
                f"{folder} holds trials with other seeds:"
                f" {_seeds(before.get('run_seeds', []))}, not {_seeds(run_seeds)}."
                " Choose another folder."
            )
        return
    if any(file.name != "lock" for file in folder.iterdir()):
        raise UserError(f"{folder} has files and is not the folder of a tuning")
    write_json(noted, {"metric": metric, "run_seeds": [*run_seeds], "config": space.config})


def _seeds(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) or "that of the config"


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
