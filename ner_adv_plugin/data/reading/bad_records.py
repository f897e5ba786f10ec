"""Records that cannot be read: an error, or skipped and counted up to a limit."""

from collections.abc import Callable
from typing import Literal, ParamSpec, TypeVar

from ner_adv_plugin.common.errors import DataError
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts

P = ParamSpec("P")
T = TypeVar("T")
OnBadRecord = Literal["error", "skip"]

# Number of bad records that "skip" always accepts, so that the limit also suits small files.
ACCEPTED = 2
DEFAULT_SHARE = 0.01
SKIPPED = "bad records skipped"


class BadRecords:
    """Raises or counts the errors of the records of a file that cannot be read.

    # Parameters

    file_path : the file.
    policy : "error" raises the first one, "skip" counts them up to the limit.
    share : the share of records above which "skip" is an error, too.
    counts : counts of the file.
    total : number of records of the file; may be set later.

    # Examples

    >>> bad = BadRecords("numbers.txt", "skip", 0.01, ReadingCounts(), total=3)
    >>> def parse(line: str) -> int:
    ...     if not line.isdecimal():
    ...         raise DataError("numbers.txt", 2, line, "a number")
    ...     return int(line)
    >>> [bad.attempt(parse, line) for line in ("1", "x", "3")]
    [1, None, 3]
    >>> bad.counts.messages()
    ["1 bad records skipped (the first: found 'x', expected a number), the first on line 2"]
    """

    def __init__(
        self,
        file_path: str,
        policy: OnBadRecord = "error",
        share: float = DEFAULT_SHARE,
        counts: ReadingCounts | None = None,
        total: int = 0,
    ) -> None:
        self.file_path = file_path
        self.policy = policy
        self.share = share
        self.counts = ReadingCounts() if counts is None else counts
        self.total = total
        self._number = 0
        self._first: DataError | None = None

    @property
    def skips(self) -> bool:
        """Whether bad records are skipped."""
        return self.policy == "skip"

    def attempt(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call a function that reads one record; return None if the record is bad.

        What the function counted before it failed is not counted.

        # Raises

        DataError : see `add`.
        """
        if not self.skips:
            return read(*args, **kwargs)

        before = self.counts.copy()
        try:
            return read(*args, **kwargs)
        except DataError as error:
            self.counts.restore(before)
            self.add(error)
            return None

    def add(self, error: DataError) -> None:
        """Add a record that cannot be read.

        # Raises

        DataError : the error itself, or one about the number of errors if there are too many.
        """
        if not self.skips:
            raise error

        first = self._first = self._first or error
        self._number += 1
        # A folder of documents has its errors in other files.
        reason = first.reason if first.file_path == self.file_path else str(first)
        limit = max(ACCEPTED, int(self.share * self.total))
        if self._number > limit:
            expected = (
                f"at most {limit} of {self.total} (max_bad_records {self.share:g}). "
                f"The first: {first.reason}"
            )
            found = f"{self._number} bad records"
            raise DataError(first.file_path, first.line, found, expected) from error
        self.counts.add(SKIPPED, error.line, note=f" (the first: {reason})")
