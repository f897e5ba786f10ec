"""Kill runs at chosen moments, recover them, and compare them with an uninterrupted run.

`python -m tests.kill_points [--kills 20] [--seed N] [--jobs 2]` prints a line per kill; the exit
status is 1 if a run differs. Weights, states, scores, curves and archives are compared bit by bit,
except for times and memory.
"""

import argparse
import logging
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from tests.killing import Plan, config_of_run, moments, start, steps_saved
from tests.same_run import differences
from tests.tiny import write_config

AFTER_A_DELAY = "the command, after a delay"
FIRST_CHECKPOINT = "put checkpoints/training_state_e0_b3.th"
# Categories of moments, and patterns of their names; see `tests.killing`.
KINDS = {
    "between two steps": r"step .*",
    "a checkpoint's model": r"(half|flush|put) checkpoints/\.?model_state.*",
    "between model and state": (
        r"past checkpoints/\.model_state.*|(half|flush|put) checkpoints/\.?training_state.*"
    ),
    "best weights": r".*best\.th.*",
    "an epoch's metrics": r".*metrics_epoch.*",
    "old checkpoints": (
        r"(past|remove) checkpoints/\.?training_state.*|remove checkpoints/model_state.*"
    ),
    "metrics": r".*/?\.?metrics\.json.*",
    "archive": r".*model\.tar\.gz.*",
    "files of the beginning": r".*(config|meta)\.json.*|.*vocabulary.*|open out\.log",
}


@dataclass(frozen=True)
class Kill:
    """One kill.

    # Parameters

    kind : the category of the moment.
    at : the name of the moment; None to kill the plain command from outside.
    cut : see `Plan`.
    half_a_record : see `Plan`.
    after : seconds after the first file of the run, if `at` is None.
    recovering_from : the moment of an earlier kill, if the recovering process is killed.
    """

    kind: str
    at: str | None = None
    cut: float | None = None
    half_a_record: bool = False
    after: float = 0.0
    recovering_from: str | None = None

    def plan(self, notes: Path) -> Plan | None:
        """Return the driver's plan; None for a kill from outside."""
        return None if self.at is None else Plan(str(notes), self.at, self.cut, self.half_a_record)

    def shown(self) -> str:
        """Describe the moment of the kill."""
        done = f"after {self.after:.1f} s" if self.at is None else self.at
        if self.cut is not None:
            done = f"{done}: {self.cut:.0%} of it written"
        if self.half_a_record:
            done += ", half a record in the curves"
        return f"{done}; before: {self.recovering_from}" if self.recovering_from else done


@dataclass(frozen=True)
class Result:
    """A kill, the steps made and saved before it, and the differences of the recovered run."""

    kill: Kill
    steps: str
    saved: int
    different: list[str]


class Bench:
    """Runs of one config: an uninterrupted one, and others that are killed.

    # Parameters

    folder : the folder of all runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = write_config(folder / "config.json", config_of_run())
        self.reference = folder / "uninterrupted" / "run"

    def train(self, run: Path, *flags: str, plan: Plan | None = None, expected: int = 0) -> None:
        """Train to the end or to the planned kill; raise an error for any other exit status."""
        run.parent.mkdir(exist_ok=True)
        status = start(self.config, run, *flags, plan=plan).wait()
        if status != expected:
            output = (run.parent / "output.txt").read_text(encoding="utf-8")
            raise RuntimeError(f"status {status}, expected {expected}, {plan}:\n{output[-3000:]}")

    def make_reference(self) -> tuple[list[str], list[str], float]:
        """Train without a kill, then recover a copy of the run.

        Return the moments of both, and the seconds of the first.
        """
        notes = [self.folder / "moments", self.folder / "moments_again"]
        started = time.monotonic()
        self.train(self.reference, plan=Plan(str(notes[0])))
        seconds = time.monotonic() - started
        again = self.folder / "again" / "run"
        shutil.copytree(self.reference, again)
        self.train(again, "--recover", plan=Plan(str(notes[1])))
        if different := differences(again, self.reference):
            raise RuntimeError(f"recovering a finished run changes {different}")
        first, second = ([name for name, _ in moments(path)] for path in notes)
        return first, second, seconds

    def kill_and_recover(self, numbered: tuple[int, Kill]) -> Result:
        """Kill a run, recover it to its end, and compare it with the reference."""
        number, kill = numbered
        run = self.folder / str(number) / "run"
        notes = self.folder / f"moments_{number}"
        if kill.recovering_from is not None:
            self.train(run, plan=Plan(str(notes), kill.recovering_from), expected=-signal.SIGKILL)
            notes.unlink()
        if kill.at is None:
            kill = self._kill_from_outside(run, kill)
        else:
            flags = ["--recover"] if kill.recovering_from else []
            self.train(run, *flags, plan=kill.plan(notes), expected=-signal.SIGKILL)
        saved = steps_saved(run)
        steps = (
            f"{saved}+"
            if kill.at is None
            else str(moments(notes)[-1][1] + (saved if kill.recovering_from else 0))
        )
        self.train(run, "--recover")
        different = differences(run, self.reference)
        if not different:
            shutil.rmtree(run.parent)
        return Result(kill, steps, saved, different)

    def _kill_from_outside(self, run: Path, kill: Kill) -> Kill:
        """Kill the command after a delay, which is halved if it ends before; return the kill."""
        while True:
            shutil.rmtree(run.parent, ignore_errors=True)
            run.parent.mkdir()
            process = start(self.config, run)
            while not (run / "config.json").exists() and process.poll() is None:
                time.sleep(0.005)
            time.sleep(kill.after)
            process.kill()
            if process.wait() == -signal.SIGKILL:
                return kill
            kill = replace(kill, after=kill.after / 2)


def draw(
    first: list[str], again: list[str], seconds: float, chance: random.Random
) -> Iterator[Kill]:
    """Yield kills of all categories in turn, without end.

    # Parameters

    first, again : moments of a run, and of its recovery.
    seconds : the duration of a run.
    chance : source of the random choices.
    """

    def one(kind: str, names: Iterable[str]) -> Kill:
        at = chance.choice(list(names))
        if re.match(r"flush .*\.partial", at) and chance.random() < 0.5:
            return Kill(kind, at, cut=chance.random())
        return Kill(kind, at)

    def matching(pattern: str, names: list[str]) -> list[str]:
        return [name for name in names if re.fullmatch(pattern, name)]

    steps = matching(KINDS["between two steps"], first)
    early = first[: first.index(FIRST_CHECKPOINT)]
    beginning = matching(KINDS["files of the beginning"], again)
    kinds: dict[str, Callable[[], Kill]] = {
        kind: partial(one, kind, matching(pattern, first)) for kind, pattern in KINDS.items()
    }
    kinds["before the first checkpoint"] = lambda: one("before the first checkpoint", early)
    kinds["curves"] = lambda: Kill("curves", chance.choice(steps), half_a_record=True)
    kinds["while recovering"] = lambda: replace(
        one("while recovering", beginning), recovering_from=chance.choice(first[len(early) :])
    )
    # The first file is written after start-up, which takes more than half of the time.
    kinds[AFTER_A_DELAY] = lambda: Kill(AFTER_A_DELAY, after=chance.uniform(0, seconds / 2))
    for kind in cycle(kinds):
        yield kinds[kind]()


def main() -> None:
    """Kill and recover runs; see the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="how many runs to kill")
    parser.add_argument("--seed", type=int, help="draws the same moments again")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    arguments = parser.parse_args()
    # TensorBoard warns about every curve that a recovered run continues.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    seed = random.randrange(1 << 16) if arguments.seed is None else arguments.seed
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="kill_points-"))
    bench = Bench(folder)
    kills = islice(draw(*bench.make_reference(), random.Random(seed)), arguments.kills)
    print(
        f"seed {seed}\n{'':>3} {'kind':28} {'steps':>5} {'saved':>5}  {'run':9} moment", flush=True
    )
    failed = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for number, result in enumerate(pool.map(bench.kill_and_recover, enumerate(kills, 1)), 1):
            verdict = "DIFFERENT" if result.different else "equal"
            kind, steps, saved = result.kill.kind, result.steps, result.saved
            columns = f"{number:>3} {kind:28} {steps:>5} {saved:>5}  {verdict:9}"
            print(columns, result.kill.shown(), flush=True)
            if result.different:
                failed += 1
                print(f"    {', '.join(result.different)}\n    left in {folder / str(number)}")
    print(
        f"{arguments.kills - failed} of {arguments.kills} equal, {time.monotonic() - started:.0f} s"
    )
    if failed:
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
