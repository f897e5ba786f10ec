"""Reports of benchmarks: figures and their limits."""

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One figure of a benchmark.

    # Parameters

    name : what was measured.
    value : the measured value.
    unit : the unit of the value; empty for a ratio or count.
    at_most, at_least : limits; None for no limit.
    aim : the value aimed at; not a limit.
    """

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    aim: float | None = None

    @property
    def passed(self) -> bool | None:
        """Whether the value is within its limits; None if it has none."""
        if self.at_most is None and self.at_least is None:
            return None
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    def __str__(self) -> str:
        bounds = {"at most": self.at_most, "at least": self.at_least, "aim": self.aim}
        limits = ", ".join(
            f"{name} {value:g}" for name, value in bounds.items() if value is not None
        )
        verdict = {None: "", True: "pass", False: "MISS"}[self.passed]
        line = f"  {self.name:<58} {self.value:>10.4g} {self.unit:<8} {limits:<24} {verdict}"
        return line.rstrip()


@dataclass
class Report:
    """The result of a benchmark.

    # Parameters

    figures : the figures, in the order in which they are printed.
    notes : the corpora used, and what was skipped for which reason.
    """

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> float:
        """Return the value of a figure by its name."""
        return next(figure.value for figure in self.figures if figure.name == name)

    def text(self, title: str) -> str:
        """Return the report as text under a title."""
        return "\n".join([title, *map(str, self.figures), *(f"  ({note})" for note in self.notes)])


def machine(threads: int) -> dict[str, str | int]:
    """Describe the machine and the versions on which the figures depend, and the date."""
    import torch
    import transformers

    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": threads,
        "gpu": ", ".join(cards) or "none",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "date": datetime.date.today().isoformat(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        "unknown",
    )


def verdict(reports: Sequence[Report]) -> tuple[int, int]:
    """Return the number of figures within their limits, and of figures with limits."""
    passed = [
        figure.passed
        for report in reports
        for figure in report.figures
        if figure.passed is not None
    ]
    return sum(passed), len(passed)
