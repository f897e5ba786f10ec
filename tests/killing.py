"""Runs that are killed: a tiny config with much random state, and a driver that kills itself.

`python -m tests.killing PLAN train CONFIG -s FOLDER` runs `python -m ner_adv_plugin train CONFIG -s
FOLDER` and records named moments. PLAN may name the moment at which the process kills itself with
SIGKILL. A moment is just before or after an optimizer step, or just before an operation on a file
of FOLDER.
"""

import functools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ner_adv_plugin.training.checkpoints.checkpointer import STATE_FILE
from tests.tiny import ROOT, tiny_config

EPOCHS, STEPS = 3, 8
LAST = f"model_state_e{EPOCHS}_b0.th"
# The first bytes of a record in an event file: half of the field with its length.
HALF_A_RECORD = b"\x30\0\0\0\0"


def config_of_run() -> dict[str, Any]:
    """Return a config of three tasks with dropout, schedules, curves and checkpoints within epochs.

    The keys are sorted as in a config file; their order is that of the heads.
    """
    weights = {"weibo": 2, "msra": 1, "msr": 1}
    config = tiny_config(
        **{f"dataset_reader__readers__{name}__max_instances": 16 for name in weights},
        model__objectives=[
            {"type": "domain_adversarial", "dropout": 0.2, "reversal": {"type": "dann"}}
        ],
        data_loader__batch_size=4,
        data_loader__sampler={
            "type": "weighted",
            "weights": weights,
            "instances_per_epoch": 4 * STEPS,
        },
        trainer__num_epochs=EPOCHS,
        # The loss decreases in every epoch, so that there are new best weights to write.
        trainer__validation_metric="-weibo_loss",
        trainer__learning_rate_scheduler={"type": "linear_with_warmup", "warmup": 0.3},
        trainer__checkpointer={"save_every_num_batches": 3},
        trainer__callbacks=[{"type": "tensorboard", "summary_interval": 1}],
    )
    ordered: dict[str, Any] = json.loads(json.dumps(config, sort_keys=True))
    return ordered


@dataclass
class Plan:
    """Instructions for the driver.

    # Parameters

    notes : file to which it writes every moment with the number of steps so far.
    at : the moment at which it kills itself; never if None.
    cut : truncate the file of that moment to this share, as if the process was killed while writing
        it.
    half_a_record : append a partial record to the event files, for the same reason.
    """

    notes: str
    at: str | None = None
    cut: float | None = None
    half_a_record: bool = False


def start(
    config: str, folder: Path, *flags: str, plan: Plan | None = None
) -> subprocess.Popen[str]:
    """Start `train` in a process with one thread that Ctrl-C can stop.

    Its output is appended to `output.txt`.
    """
    program = ["ner_adv_plugin"] if plan is None else ["tests.killing", json.dumps(asdict(plan))]
    command = [sys.executable, "-m", *program, "train", config, "-s", str(folder), *flags]
    with open(folder.parent / "output.txt", "a", encoding="utf-8") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            # Background jobs may ignore Ctrl-C.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler),
        )


def steps_saved(folder: Path, steps_per_epoch: int = STEPS) -> int:
    """Return the number of steps before the last checkpoint."""
    found = [
        STATE_FILE.fullmatch(path.name)
        for path in (folder / "checkpoints").glob("training_state_*.th")
    ]
    return max(
        (int(match[1]) * steps_per_epoch + int(match[2]) for match in found if match), default=0
    )


def moments(notes: Path) -> list[tuple[str, int]]:
    """Return the moments recorded by a driver, each with the number of steps before it."""
    lines = [line.rsplit("\t", 1) for line in notes.read_text(encoding="utf-8").splitlines()]
    return [(name, int(steps)) for name, steps in lines]


class _Watch:
    """Records moments, and kills the process at that of the plan."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.seen: Counter[str] = Counter()
        self.steps = 0

    def reached(self, name: str, path: Path | None = None) -> None:
        self.seen[name] += 1
        if self.seen[name] > 1:
            name = f"{name} ({self.seen[name]})"
        with open(self.plan.notes, "a", encoding="utf-8") as notes:
            notes.write(f"{name}\t{self.steps}\n")
        if name != self.plan.at:
            return
        if self.plan.cut is not None and path is not None:
            os.truncate(path, int(path.stat().st_size * self.plan.cut))
        if self.plan.half_a_record:
            for events in self.folder.glob("log/*/events*"):
                with open(events, "ab") as file:
                    file.write(HALF_A_RECORD)
        os.kill(os.getpid(), signal.SIGKILL)

    def on_step(self, after: bool, *_: Any) -> None:
        self.reached(f"step {self.steps + 1}: {'weights' if after else 'gradients'}")
        self.steps += after

    def on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record an operation on a file; an audit hook of Python."""
        index = 1 if event == "os.rename" else 0
        if event not in ACTIONS or not isinstance(arguments[index], str | bytes | os.PathLike):
            return
        path = Path(os.path.abspath(os.fsdecode(arguments[index])))
        # Event files are written by another thread, so that their moments have no fixed order.
        if path.is_relative_to(self.folder) and not path.is_relative_to(self.folder / "log"):
            action = ACTIONS[event](path, arguments)
            if action:
                self.reached(f"{action} {path.relative_to(self.folder)}", path)


def _opened(path: Path, arguments: Sequence[Any]) -> str:
    if int(arguments[2]) & (os.O_WRONLY | os.O_RDWR):
        return "open"
    # Files that are written atomically are opened again to be flushed.
    return "flush" if path.name.endswith(".partial") else ""


def _removed(path: Path, arguments: Sequence[Any]) -> str:
    # The partial file is missing if it was moved into place.
    return "remove" if path.exists() else "past"


ACTIONS: dict[str, Callable[[Path, Sequence[Any]], str]] = {
    "open": _opened,
    "os.rename": lambda path, arguments: "put",
    "os.remove": _removed,
    "shutil.rmtree": lambda path, arguments: "remove" if path.exists() else "",
    "os.mkdir": lambda path, arguments: "" if path.exists() else "make",
}


def main() -> None:
    """Run the command with a plan."""
    from torch.optim.optimizer import (
        register_optimizer_step_post_hook,
        register_optimizer_step_pre_hook,
    )

    from ner_adv_plugin.commands import main as run_command

    plan, arguments = Plan(**json.loads(sys.argv[1])), sys.argv[2:]
    watch = _Watch(plan, Path(arguments[arguments.index("-s") + 1]))
    register_optimizer_step_pre_hook(functools.partial(watch.on_step, False))
    register_optimizer_step_post_hook(functools.partial(watch.on_step, True))
    sys.addaudithook(watch.on_event)
    run_command(arguments)


if __name__ == "__main__":
    main()
