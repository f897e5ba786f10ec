"""Records of JSON files: parsing, keys, and a limit on records that cannot be read."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

from ner_adv_plugin.common.errors import DataError, nearest
from ner_adv_plugin.data.reading.json_formats import listed

OnBadRecord = Literal["error", "skip"]

# Keys that are no labels under another name; compared in lower case.
HARMLESS = frozenset(
    ["id", "_id", "idx", "index", "uid", "uuid", "guid", "meta", "metadata", "source", "comments"]
)
# Number of bad records that "skip" always accepts, so that the limit also suits small files.
ACCEPTED = 2
# Number of records in which the format of a file is looked for.
SAMPLED_RECORDS = 1000


def parse(line: str) -> Any:
    """Parse one line of JSON.

    # Raises

    ValueError : if it is not JSON, is nested too deeply, or if an object has a key twice.
    """
    try:
        return json.loads(line, object_pairs_hook=unique_keys)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def sample(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects among the first lines of a file, skipping what is none."""
    for line in islice(lines, SAMPLED_RECORDS):
        try:
            record = parse(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; a repeated key, of which `json` keeps the last value, is a `ValueError`."""
    value = dict(pairs)
    if len(value) < len(pairs):
        key, count = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {listed([key])} occurs {count} times in one object")
    return value


class UnknownKeys:
    """The keys of a file's records that its reader ignores, without those that are harmless.

    # Parameters

    known : keys that the reader uses.

    # Examples

    >>> keys = UnknownKeys(["text", "label"])
    >>> keys.add({"text": "你好", "id": 1, "labels": []})
    True
    >>> keys.listed()
    '"labels"'
    >>> keys.hint()
    ' Did you mean "label" for "labels"?'
    """

    def __init__(self, known: Sequence[str]) -> None:
        self.known = known
        self.found: dict[str, None] = {}
        self.unknown: dict[str, None] = {}

    def add(self, record: Mapping[str, Any]) -> bool:
        """Add the keys of a record; return whether it has an unknown one."""
        unknown = [key for key in record if key not in self.known and key.lower() not in HARMLESS]
        self.found.update(dict.fromkeys(record))
        self.unknown.update(dict.fromkeys(unknown))
        return bool(unknown)

    def listed(self) -> str:
        """List the unknown keys in order of appearance."""
        return listed(self.unknown)

    def found_keys(self) -> str:
        """List all keys in order of appearance."""
        return listed(self.found)

    def hint(self) -> str:
        """Name the known key that an unknown one resembles; see `nearest`."""
        for key in self.unknown:
            missing = [known for known in self.known if known not in self.found]
            if hint := nearest(key, missing):
                return f"{hint.removesuffix('?')} for {listed([key])}?"
        return ""


class BadRecords:
    """Raises or counts the errors of records that cannot be read.

    # Parameters

    policy : "error" raises the first one, "skip" counts them up to the limit.
    share : the share of records above which "skip" is an error, too.
    total : number of records of the file.
    count : called with the line and the reason of each record that is skipped.
    """

    def __init__(
        self,
        policy: OnBadRecord,
        share: float,
        total: int,
        count: Callable[[int | None, str], None],
    ) -> None:
        self.policy = policy
        self.share = share
        self.total = total
        self.limit = max(ACCEPTED, int(share * total))
        self._count = count
        self._number = 0
        self._first: DataError | None = None

    def add(self, error: DataError) -> None:
        """Add a record that cannot be read.

        # Raises

        DataError : the error itself, or one about the number of errors if there are too many.
        """
        if self.policy == "error":
            raise error

        self._first = self._first or error
        self._number += 1
        first = self._first
        reason = str(first).removeprefix(f"{first.file_path}:{first.line}: ")
        if self._number > self.limit:
            expected = (
                f"at most {self.limit} of {self.total} (max_bad_records {self.share:g}). "
                f"The first: {reason}"
            )
            found = f"{self._number} bad records"
            raise DataError(first.file_path, first.line, found, expected) from error
        self._count(error.line, reason)
