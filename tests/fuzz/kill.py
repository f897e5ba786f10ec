"""Kills at random times: a recovered run is equal to one that was never stopped, bit by bit."""

import random
import signal
import time
from pathlib import Path

from tests.fuzz.harness import Case, expect
from tests.kill_points import Bench
from tests.killing import start, steps_saved
from tests.same_run import differences


class Kill:
    """Draws moments of a run, and kills it up to three times at them."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.seconds = self.bench.make_reference()[2]
        self.number = 0

    def draw(self, chance: random.Random) -> Case:
        times = [chance.random() for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        return Case(f"{len(times)} kills", settings={"share of the run": times})

    def check(self, case: Case) -> str:
        self.number += 1
        run = self.bench.folder / f"fuzz-{self.number}" / "run"
        run.parent.mkdir()
        killed, saved = 0, 0
        for share in case.settings["share of the run"]:
            flags = ("--recover",) if run.is_dir() else ()
            process = start(self.bench.config, run, *flags)
            time.sleep(share * self.seconds)
            process.kill()
            if process.wait() == -signal.SIGKILL:
                killed += 1
            else:
                # The machine is less busy than when the reference was timed.
                self.seconds *= 0.8
            saved = max(saved, steps_saved(run))
        self.bench.train(run, "--recover")
        different = differences(run, self.bench.reference)
        expect(not different, f"after {case.settings}: {different}")
        return f"equal, {killed} killed, {'no' if not saved else 'a'} checkpoint"
