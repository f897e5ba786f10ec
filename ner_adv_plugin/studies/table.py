"""The live table of a study: arms by seeds, with progress, F1 so far and the time left."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.table import Table

from ner_adv_plugin.common.progress import INTERVAL
from ner_adv_plugin.common.stages import config_of_model
from ner_adv_plugin.common.terminal import console
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.engine import StudyRun
from ner_adv_plugin.studies.report.messages import in_language
from ner_adv_plugin.studies.report.wording import unequal_updates
from ner_adv_plugin.studies.results import StudyResults
from ner_adv_plugin.studies.statistics import Comparison, Verdict
from ner_adv_plugin.studies.study import Study, target_head


class LiveTable:
    """Shows the runs while they train: a table in a terminal, else a line now and then.

    # Parameters

    study : its settings.
    jobs : the arms' checked configs.
    """

    def __init__(self, study: Study, jobs: Mapping[str, TrainJob]) -> None:
        self.study = study
        self.metrics = {
            name: f"best_validation_{target_head(study, job)}_{study.metric}"
            for name, job in jobs.items()
        }
        self._live = Live(console=console(stderr=True), auto_refresh=False)
        self._watched = sys.stderr.isatty()
        self._started = time.monotonic()
        self._last_time = -INTERVAL
        self._last_line = ""
        self._done_before: int | None = None

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._watched:
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the last table on the terminal."""
        if self._watched:
            self._live.__exit__(kind, error, traceback)

    def show(self, runs: Sequence[StudyRun]) -> None:
        """Draw the present state."""
        states = {run.folder: run.state for run in runs}
        done = sum(state == "done" for state in states.values())
        if self._done_before is None:
            self._done_before = done
        summary = f"{done} of {len(runs)} runs done{self._left(done, len(runs))}"
        if self._watched:
            self._live.update(self._table(runs, states, summary), refresh=True)
        elif time.monotonic() - self._last_time >= INTERVAL:
            running = [
                f"{run.planned.name}: {self._cell(run, states[run.folder])}"
                for run in runs
                if states[run.folder] == "running"
            ]
            line = "; ".join([summary, *running])
            if line != self._last_line:
                self._last_time, self._last_line = time.monotonic(), line
                print(line, file=sys.stderr, flush=True)

    def _table(self, runs: Sequence[StudyRun], states: Mapping[Path, str], summary: str) -> Table:
        table = Table(title=summary)
        for column in ("arm", "sentences", "budget"):
            table.add_column(column)
        seeds = self.study.seed_list()
        for seed in seeds:
            table.add_column(f"seed {seed}", justify="right")
        cells: dict[tuple[str, str, str], dict[int, str]] = {}
        for run in runs:
            key = (run.planned.arm, str(run.planned.size or "all"), run.planned.budget)
            cells.setdefault(key, {})[run.planned.seed] = self._cell(run, states[run.folder])
        for key, by_seed in cells.items():
            table.add_row(*key, *(by_seed.get(seed, "") for seed in seeds))
        return table

    def _cell(self, run: StudyRun, state: str) -> str:
        if state == "done":
            f1 = run.result()["scores"]["validation"]["f1"]
            return "undefined" if f1 is None else f"{100 * f1:.1f}"
        if state != "running":
            return state if state == "failed" else "-"
        if (stage := run.earlier_stage()) is not None:
            return f"stage {stage}"
        epochs, score = run.progress(self.metrics[run.planned.arm])
        trainer = config_of_model(run.planned.config)["trainer"]
        # A number of steps may end the run before the epochs of its config.
        of_all = "" if trainer.get("max_steps") else f"/{trainer['num_epochs']}"
        return f"{epochs}{of_all}{'' if score is None else f' {100 * score:.1f}'}"

    def _left(self, done: int, total: int) -> str:
        """Return the time left if the remaining runs take as long as those of this call."""
        finished = done - (self._done_before or 0)
        if not finished or done == total:
            return ""
        left = (time.monotonic() - self._started) / finished * (total - done)
        return f", about {left / 60:.0f} min left"


def verdict_lines(results: StudyResults) -> Iterator[str]:
    """Yield a sentence for every comparison with the baseline."""
    study, shown = results.study, results.as_json()
    for family, numbers in zip(results.families, shown["families"], strict=True):
        where = f"{family.sentences} sentences, equal {family.budget}, {family.split} set"
        seeds = len(family.seeds)
        mean = sum(family.scores[study.baseline]) / seeds
        yield f"{study.target}, {where}, {seeds} seeds: {study.baseline} {100 * mean:.2f}"
        for name, one in family.comparisons.items():
            low, high = (100 * end for end in one.interval)
            mean = sum(family.scores[name]) / seeds
            yield (
                f"  {name} {100 * mean:.2f}: {100 * one.difference:+.2f}"
                f" [{low:+.2f}, {high:+.2f}], {one.verdict}{_reason(one)}"
            )
        if (note := unequal_updates(numbers, shown)) is not None:
            yield f"  {in_language(note, 'en')}"


def _reason(comparison: Comparison) -> str:
    """Return what stands behind a verdict, in parentheses."""
    match comparison.verdict:
        case Verdict.LEAKED:
            return " (trained on sentences by which it is scored)"
        case Verdict.UNDECIDED:
            return f" (such seeds show {100 * comparison.detectable:.2f} or more)"
        case _:
            return f" (p {comparison.p_holm:.3f} after Holm)"
