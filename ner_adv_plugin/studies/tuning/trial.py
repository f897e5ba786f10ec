"""One trial: training runs in folders, whose validation scores are read while they train."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.files import write_json
from ner_adv_plugin.studies.engine import last_lines
from ner_adv_plugin.studies.executors import Executor, Handle
from ner_adv_plugin.studies.worker import RESULT, RUN, TRAINING


@dataclass
class TrialRun:
    """A training run of a trial.

    # Parameters

    folder : of the run.
    metric : name of the validation metric, without its sign.
    """

    folder: Path
    metric: str
    handle: Handle | None = field(default=None, repr=False)

    @property
    def is_planned(self) -> bool:
        """Whether its config has been written, so that it can be trained or resumed."""
        return (self.folder / RUN).is_file()

    @property
    def is_done(self) -> bool:
        """Whether it was trained to its end."""
        return (self.folder / RESULT).is_file()

    def plan(self, config: Mapping[str, Any]) -> None:
        """Write its config."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / RUN, {"keep_models": False, "config": config})

    def start(self, executor: Executor, packages: Sequence[str]) -> None:
        """Train it, from its last checkpoint if there is one."""
        self.handle = executor.start(self.folder, packages)

    def finished(self) -> bool:
        """Return whether its process ended, well or not."""
        return self.handle is not None and self.handle.finished()

    def scores(self) -> list[float]:
        """Return the validation metric of every epoch so far."""
        values: list[float] = []
        while True:
            name = f"metrics_epoch_{len(values)}.json"
            files = [self.folder / name, self.folder / TRAINING / name]
            file = next((file for file in files if file.is_file()), None)
            if file is None:
                return values
            try:
                values.append(json.loads(file.read_text("utf-8"))[f"validation_{self.metric}"])
            except FileNotFoundError:
                # The run has just moved its files.
                continue

    def result(self) -> dict[str, Any]:
        """Return the content of `result.json`."""
        found: dict[str, Any] = json.loads((self.folder / RESULT).read_text("utf-8"))
        return found

    def value(self) -> float:
        """Return the validation metric of its best epoch."""
        found: float = self.result()["metrics"][f"best_validation_{self.metric}"]
        return found

    def failure(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(last_lines(self.folder))

    def abandon(self) -> None:
        """End its process at once and delete what it trained, but not its scores."""
        if self.handle is not None:
            self.handle.kill()
        for file in (self.folder / TRAINING).glob("metrics_epoch_*.json"):
            shutil.copy(file, self.folder / file.name)
        shutil.rmtree(self.folder / TRAINING, ignore_errors=True)


@dataclass
class TrialRuns:
    """The training runs of a trial, one for each seed, one after the other.

    # Parameters

    number : of the trial.
    runs : one or more, in order.
    reported : epochs of the first run whose scores are in the storage.
    judged : epochs of the first run after which the trial was not pruned.
    started : the run that was started last.
    """

    number: int
    runs: Sequence[TrialRun]
    reported: int = 0
    judged: int = 0
    started: TrialRun = field(init=False, repr=False)

    @property
    def is_planned(self) -> bool:
        """Whether the configs of all runs have been written."""
        return all(run.is_planned for run in self.runs)

    @property
    def is_done(self) -> bool:
        """Whether all runs were trained to their ends."""
        return all(run.is_done for run in self.runs)

    def plan(self, configs: Sequence[Mapping[str, Any]]) -> None:
        """Write the configs of the runs."""
        for run, config in zip(self.runs, configs, strict=True):
            run.plan(config)

    def start(self, executor: Executor, packages: Sequence[str]) -> None:
        """Train the first run that is not done."""
        self.started = next((run for run in self.runs if not run.is_done), self.runs[-1])
        self.started.start(executor, packages)

    def scores(self) -> list[float]:
        """Return the validation metric of every epoch of the first run so far."""
        return self.runs[0].scores()

    def value(self) -> float:
        """Return the mean of the runs' validation metrics."""
        return sum(run.value() for run in self.runs) / len(self.runs)

    def seconds(self) -> float:
        """Return the seconds of all runs."""
        return sum(float(run.result()["seconds"]) for run in self.runs)

    def stop(self) -> None:
        """Stop the run that trains; it can be resumed."""
        if self.started.handle is not None:
            self.started.handle.stop()
