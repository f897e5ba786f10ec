"""Records of JSON files: parsing and keys."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ner_adv_plugin.common.errors import nearest
from ner_adv_plugin.data.reading.json_formats import listed

# Keys that are no labels under another name; compared in lower case.
HARMLESS = frozenset(
    ["id", "_id", "idx", "index", "uid", "uuid", "guid", "meta", "metadata", "source", "comments"]
    # Written by `allennlp select`.
    + ["line", "margin", "ratio", "entropy"]
)
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
