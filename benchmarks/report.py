"""What a benchmark found: figures, what is asked of them, and how they are printed."""

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    # Parameters

    name : what was measured.
    value : of it.
    unit : of the value; empty for a plain ratio or count.
    at_most, at_least : what is asked of it, where anything is.
    aim : what is hoped for.
    """

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    aim: float | None = None

    @property
    def passed(self) -> bool | None:
        """Whether it is as asked; None where nothing is."""
        if self.at_most is None and self.at_least is None:
            return None
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    def __str__(self) -> str:
        asked = [f"at most {self.at_most:g}"] if self.at_most is not None else []
        asked += [f"at least {self.at_least:g}"] if self.at_least is not None else []
        asked += [f"aim {self.aim:g}"] if self.aim is not None else []
        verdict = {None: "", True: "pass", False: "MISS"}[self.passed]
        line = (
            f"  {self.name:<58} {self.value:>10.4g} {self.unit:<8} {', '.join(asked):<24} {verdict}"
        )
        return line.rstrip()


@dataclass
class Report:
    """All that a benchmark found.

    # Parameters

    figures : in the order in which they are printed.
    notes : what was left out, and why; what the figures were taken on.
    """

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> float:
        """The value of a figure."""
        return next(figure.value for figure in self.figures if figure.name == name)

    def text(self, title: str) -> str:
        """The table."""
        return "\n".join([title, *map(str, self.figures), *(f"  ({note})" for note in self.notes)])


def machine(threads: int) -> dict[str, str | int]:
    """What figures depend on besides the code: processor, cores and threads used, versions, and the date."""
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
    """Figures that are as asked, and figures of which anything is asked."""
    asked = [
        figure.passed
        for report in reports
        for figure in report.figures
        if figure.passed is not None
    ]
    return sum(asked), len(asked)
