"""The engine of studies: trains what is missing of a grid, and resumes after any kill."""

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_adv_plugin import __version__
from ner_adv_plugin.common.digests import json_digest
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.common.stages import STAGES, has_stages, stages_of
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.run_files import file_digests
from ner_adv_plugin.runs.shared_stages import first_stages
from ner_adv_plugin.runs.staging import METRICS
from ner_adv_plugin.studies.executors import Executor, Handle
from ner_adv_plugin.studies.study import PlannedStudyRun, Study
from ner_adv_plugin.studies.worker import RESULT, RUN, TRAINING

logger = logging.getLogger(__name__)
FAILED = "failed.json"
# What the folder of a study holds, whatever was written first.
OF_A_STUDY = ("study.json", "ranking.json", "runs", "tuning")
# Lines of a failed run's log that are shown.
SHOWN_LINES = 8
POLL_SECONDS = 0.5


@dataclass
class StudyRun:
    """A run of the grid and its folder.

    # Parameters

    planned : its cell and config.
    folder : of the run; named after the cell and the content hash.
    """

    planned: PlannedStudyRun
    folder: Path
    handle: Handle | None = field(default=None, repr=False)
    started: float = 0.0

    @property
    def state(self) -> str:
        """Return "done", "failed", "running" or "waiting"."""
        if (self.folder / RESULT).is_file():
            return "done"
        if self.handle is not None:
            return "running"
        return "failed" if (self.folder / FAILED).is_file() else "waiting"

    def result(self) -> dict[str, Any]:
        """Return the content of `result.json`."""
        found: dict[str, Any] = json.loads((self.folder / RESULT).read_text("utf-8"))
        return found

    def failure(self) -> str:
        """Return the last lines of a failed run's log."""
        lines: list[str] = json.loads((self.folder / FAILED).read_text("utf-8"))["log"]
        return "\n".join(lines)

    def earlier_stage(self) -> str | None:
        """Return the stage that is trained or waited for, None in the last one."""
        earlier = stages_of(self.planned.config)[:-1] if has_stages(self.planned.config) else []
        for stage in earlier:
            if not (self.folder / TRAINING / STAGES / stage.name / METRICS).is_file():
                return stage.name
        return None

    def progress(self, metric: str) -> tuple[int, float | None]:
        """Return the epochs done of the last stage, and its best validation score so far.

        # Parameters

        metric : its key in an epoch's metrics file.
        """
        files = list((self.folder / TRAINING).glob("metrics_epoch_*.json"))
        if not files:
            return 0, None
        latest = max(files, key=lambda file: int(file.stem.rsplit("_", 1)[1]))
        try:
            metrics = json.loads(latest.read_text("utf-8"))
        except ValueError:
            return len(files), None
        return len(files), metrics.get(metric)


def prepare(
    study: Study, jobs: Mapping[str, TrainJob], planned: Iterable[PlannedStudyRun], folder: Path
) -> list[StudyRun]:
    """Make the folder of every run; runs with the same content keep the folder they had.

    # Parameters

    study : its settings.
    jobs : the arms' checked configs.
    planned : the grid.
    folder : of the study.
    """
    digests = {name: file_digests(job) for name, job in jobs.items()}
    runs = []
    for one in planned:
        key = content_hash(one.config, digests[one.arm])
        own = folder / "runs" / f"{one.name}-{key}"
        own.mkdir(parents=True, exist_ok=True)
        description = {
            "arm": one.arm,
            "size": one.size,
            "seed": one.seed,
            "budget": one.budget,
            "target": study.target,
            "keep_models": study.keep_models,
            "config": one.config,
        }
        write_json(own / RUN, description)
        runs.append(StudyRun(one, own))
    return runs


def content_hash(config: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """Return the key under which a run is cached: its config, its data and the code's version.

    # Parameters

    files : digests of all files that the config reads, by path.
    """
    return json_digest([__version__, config, files])[:16]


def run_all(
    runs: Sequence[StudyRun],
    executor: Executor,
    packages: Sequence[str] = (),
    retry: bool = False,
    on_change: Callable[[Sequence[StudyRun]], None] = lambda runs: None,
) -> None:
    """Train all runs that are neither done nor failed.

    # Parameters

    runs : of `prepare`.
    executor : starts them, `executor.jobs` at a time.
    packages : packages with custom components.
    retry : train failed runs again, too.
    on_change : called twice a second with the runs, for a live table.

    # Raises

    `KeyboardInterrupt` after Ctrl-C, once all runs have stopped; they can be resumed.
    """
    if retry:
        for run in runs:
            (run.folder / FAILED).unlink(missing_ok=True)
    waiting = [run for run in runs if run.state == "waiting"]
    running: list[StudyRun] = []
    try:
        while waiting or running:
            while waiting and len(running) < executor.jobs:
                run = waiting.pop(_next(waiting, running))
                run.handle = executor.start(run.folder, packages)
                run.started = time.monotonic()
                running.append(run)

            time.sleep(POLL_SECONDS)
            for run in list(running):
                assert run.handle is not None
                if run.handle.finished():
                    running.remove(run)
                    _end(run)
            on_change(runs)
    finally:
        for run in running:
            if run.handle is not None:
                run.handle.stop()
                run.handle = None


def _next(waiting: Sequence[StudyRun], running: Sequence[StudyRun]) -> int:
    """Return which run to start: one that need not wait for a stage of another one, if there is."""
    begun = {first_stages(run.planned.config) for run in running} - {None}
    free = (i for i, run in enumerate(waiting) if first_stages(run.planned.config) not in begun)
    return next(free, 0)


def _end(run: StudyRun) -> None:
    """Note how a run ended; what a failed one trained so far is deleted, its log kept."""
    run.handle = None
    if (run.folder / RESULT).is_file():
        return
    shown = last_lines(run.folder)
    write_json(run.folder / FAILED, {"log": shown})
    shutil.rmtree(run.folder / TRAINING, ignore_errors=True)
    logger.warning("%s failed:\n%s", run.planned.name, "\n".join(shown))


def last_lines(folder: Path) -> list[str]:
    """Return the last lines of the log of a run."""
    log = folder / "worker.log"
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.is_file() else []
    return [line for line in lines if line.strip()][-SHOWN_LINES:]


def check_folder(folder: Path) -> None:
    """Make a study's folder; refuse one that holds something else.

    # Raises

    `UserError` if it has files and is not a study's.
    """
    names = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    if names and not names & set(OF_A_STUDY):
        raise UserError(f"{folder} has files and is not the folder of a study")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {folder}: {error}") from error
