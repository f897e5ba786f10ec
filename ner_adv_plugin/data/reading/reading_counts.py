"""Counts of what a reader changed or skipped in a file."""

import logging
from dataclasses import dataclass, field, replace

logger = logging.getLogger(__name__)


@dataclass
class Count:
    """How often a reader did one thing in a file.

    # Parameters

    first_line : number of the first line that it was done on; None if unknown.
    note : text that follows the name of the thing in the warning.
    number : how often it was done.
    """

    first_line: int | None
    note: str = ""
    number: int = 0


@dataclass
class ReadingCounts:
    """What a reader changed or skipped in one file, by its name.

    A name is a plural in plain words, such as `duplicate entities dropped`. In metrics it has
    underscores for spaces.

    # Examples

    >>> counts = ReadingCounts()
    >>> counts.add("comments skipped", line=3)
    >>> counts.add("comments skipped", line=9, n=2)
    >>> counts.messages()
    ['3 comments skipped, the first on line 3']
    >>> counts.metrics("reading_msra_train_")
    {'reading_msra_train_comments_skipped': 3}
    """

    counts: dict[str, Count] = field(default_factory=dict)

    def add(self, what: str, line: int | None = None, n: int = 1, note: str = "") -> None:
        """Count a change.

        # Parameters

        what : its name.
        line : number of the line; the smallest is reported.
        n : how often it was made.
        note : text for the warning only, which follows `what`; the last one is reported.
        """
        if not n:
            return
        count = self.counts.setdefault(what, Count(line))
        count.number += n
        count.note = note or count.note
        if line is not None:
            count.first_line = line if count.first_line is None else min(line, count.first_line)

    def copy(self) -> "ReadingCounts":
        """Return an independent copy."""
        return ReadingCounts({what: replace(count) for what, count in self.counts.items()})

    def restore(self, before: "ReadingCounts") -> None:
        """Return to the state of an earlier `copy`."""
        self.counts = before.copy().counts

    def messages(self) -> list[str]:
        """Return one sentence per name, in the order in which they were met."""
        return [
            f"{count.number} {what}{count.note}"
            + (f", the first on line {count.first_line}" if count.first_line is not None else "")
            for what, count in self.counts.items()
        ]

    def metrics(self, prefix: str = "") -> dict[str, int]:
        """Return the numbers as metrics; `prefix` begins their names."""
        return {
            prefix + what.replace(" ", "_"): count.number for what, count in self.counts.items()
        }

    def log(self, file_path: str) -> None:
        """Log one warning per name."""
        for message in self.messages():
            logger.warning("%s: %s", file_path, message)
