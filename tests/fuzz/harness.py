"""Drawing inputs, checking them and keeping those that fail."""

import contextlib
import io
import json
import logging
import random
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass
class Case:
    """One input.

    # Parameters

    kind : what was drawn, for the counts.
    files : the content of its files by name, kept if it fails.
    settings : anything else that the check needs, as JSON.
    """

    kind: str
    files: dict[str, bytes] = field(default_factory=dict)
    settings: Any = None


class Property(Protocol):
    """A property of all inputs: `check` returns the outcome, and raises an error if it fails."""

    def draw(self, chance: random.Random) -> Case: ...

    def check(self, case: Case) -> str: ...


class Broken(AssertionError):
    """The property does not hold."""


def expect(holds: bool, message: str) -> None:
    """Raise `Broken` unless something holds."""
    if not holds:
        raise Broken(message)


@dataclass
class Report:
    """Counts of inputs by kind and outcome, and the failures."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        for (kind, outcome), count in sorted(self.counts.items()):
            yield f"{count:>8} {kind}: {outcome}"
        yield f"{sum(self.counts.values()):>8} inputs, {len(self.failures)} failures"


def run(
    name: str, checked: Property, numbers: range, seed: int, folder: Path, most: int = 20
) -> Report:
    """Check inputs by number.

    # Parameters

    name : the name of the property, for the command that draws an input again.
    checked : the property.
    numbers : the numbers of the inputs.
    seed : the seed of all inputs.
    folder : receives the inputs that fail.
    most : stop after so many failures.
    """
    report = Report()
    with quiet():
        for number in numbers:
            case = checked.draw(random.Random(f"{name} {seed} {number}"))
            try:
                outcome = checked.check(case)
            except KeyboardInterrupt:
                raise
            except BaseException:
                outcome = "FAILED"
                report.failures.append(_kept(name, case, number, seed, folder))
            report.counts[case.kind, outcome] += 1
            if len(report.failures) >= most:
                break
    return report


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Turn off the log and warnings, of which there are thousands."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _kept(name: str, case: Case, number: int, seed: int, folder: Path) -> str:
    """Write an input that fails to a folder of its own; describe it."""
    place = folder / f"{name}-{seed}-{number}"
    place.mkdir(parents=True, exist_ok=True)
    for file, content in case.files.items():
        (place / Path(file).name).write_bytes(content)
    text = json.dumps(case.settings, ensure_ascii=True, indent=1, default=str)
    (place / "settings.json").write_text(text, encoding="utf-8")
    (place / "error.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="replace")
    last = traceback.format_exc().strip().splitlines()[-1][:300]
    command = f"python -m tests.fuzz {name} --seed {seed} --first {number} --n 1"
    return f"{case.kind}: {last}\n    {command}\n    input: {place}"


def command(arguments: list[str]) -> tuple[int, str, str]:
    """Run a command in this process; return its exit status, output and errors."""
    from ner_adv_plugin.commands import main

    out, err = io.StringIO(), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as exit_:
            status = int(exit_.code or 0)
    return status, out.getvalue(), err.getvalue()
