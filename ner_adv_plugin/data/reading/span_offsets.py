"""How corpus files count the positions of entities, and which way a file probably does it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any, Literal, NamedTuple

Offsets = Literal["code_points", "utf-16"]
Ends = Literal["inclusive", "exclusive"]

# Number of records that are tried to find out how a file counts.
TRIED_RECORDS = 1000
# Share of their entities that must fit another way of counting for it to be suggested.
SUGGESTED_SHARE = 0.9

# Numbers of units in a character, by name; "utf-8" is only recognised, not read.
_SIZES: dict[str, Callable[[str], int]] = {
    "utf-16": lambda character: 2 if character > "\uffff" else 1,
    "utf-8": lambda character: len(character.encode("utf-8", "surrogatepass")),
}
_NAMES = {"code_points": "code points", "utf-16": "UTF-16", "utf-8": "bytes of UTF-8"}


class Mention(NamedTuple):
    """An entity as a file describes it: its surface, and its position in the file's counting."""

    text: str
    surface: str
    start: int
    end: int


@dataclass(frozen=True)
class Counting:
    """How positions are counted.

    # Parameters

    offsets : what is counted: "code_points" (Python's characters) or "utf-16" (code units, as in
        JavaScript and Java; emoji have two).
    ends : whether `end` is the position of the last character ("inclusive") or the one after it.
    first : the position of the first character.

    # Examples

    >>> Counting().characters("😀王明", 1, 2)
    (1, 3)
    >>> Counting(offsets="utf-16", ends="exclusive").characters("😀王明", 2, 4)
    (1, 3)
    """

    offsets: str = "code_points"
    ends: Ends = "inclusive"
    first: int = 0

    def characters(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """Convert a range to Python's indices of the first character and after the last one.

        # Returns

        The indices; None if the range is empty, exceeds the text or splits a character.
        """
        start, stop = start - self.first, end - self.first + (self.ends == "inclusive")
        size = _SIZES.get(self.offsets)
        if size is None or text.isascii():
            return (start, stop) if 0 <= start < stop <= len(text) else None

        indices = {position: i for i, position in enumerate(accumulate(map(size, text), initial=0))}
        if start < stop and start in indices and stop in indices:
            return indices[start], indices[stop]
        return None

    def length(self, text: str) -> int:
        """Return the length of a text in the units that are counted."""
        size = _SIZES.get(self.offsets)
        return len(text) if size is None else sum(map(size, text))

    def expected(self, text: str) -> str:
        """Describe the ranges that lie within a text."""
        length = self.length(text)
        unit = "" if self.offsets == "code_points" else " in UTF-16 code units"
        whole = f"{length}, the length of the text{unit}"
        if self.ends == "inclusive":
            bounds = f"0 <= start <= end < {whole}"
        else:
            bounds = f"0 <= start < end <= {whole}"
        return bounds + (", and no character split" if unit else "")

    def fits(self, mention: Mention) -> bool:
        """Whether the range of an entity holds its surface."""
        found = self.characters(mention.text, mention.start, mention.end)
        return found is not None and mention.text[found[0] : found[1]] == mention.surface


def counting_hint(records: Iterable[Mapping[str, Any]], counting: Counting) -> str:
    """Return a hint about how a file counts, if that is not how it is read.

    # Parameters

    records : JSON objects of the file, of which the first 1,000 are tried.
    counting : how it is read.

    # Returns

    A sentence that starts with a space; empty if no other way of counting fits better.

    # Examples

    >>> record = {"text": "王明在北京", "label": {"LOC": {"北京": [[3, 5]]}}}
    >>> counting_hint([record], Counting())
    " Ends look exclusive: set ends: 'exclusive' (1 of 1 entities would fit)."
    """
    mentions = [
        mention for record in islice(records, TRIED_RECORDS) for mention in _mentions(record)
    ]
    fitting = {
        other: sum(map(other.fits, mentions)) for other in (counting, *_alternatives(counting))
    }
    # Of equally good ones, the first is the most similar to how the file is read.
    best = max(fitting, key=lambda other: fitting[other])
    if best == counting or fitting[best] < SUGGESTED_SHARE * len(mentions):
        return ""
    return f" {_advice(best, counting)} ({fitting[best]} of {len(mentions)} entities would fit)."


def _alternatives(counting: Counting) -> Iterator[Counting]:
    """Yield other ways of counting, the most similar first."""
    other_ends: Ends = "exclusive" if counting.ends == "inclusive" else "inclusive"
    others = [name for name in _NAMES if name != counting.offsets]

    yield Counting(counting.offsets, other_ends)
    for offsets in others:
        yield Counting(offsets, counting.ends)
    for offsets in others:
        yield Counting(offsets, other_ends)
    yield Counting(counting.offsets, counting.ends, first=1)


def _advice(found: Counting, counting: Counting) -> str:
    """Say what a file looks like and which keys to set."""
    if found.first:
        return "Offsets look counted from 1: subtract 1 from each, as positions begin at 0"

    looks, keys = [], []
    if found.offsets != counting.offsets:
        looks.append(f"offsets look like {_NAMES[found.offsets]}")
        keys.append(f"offsets: '{found.offsets}'")
    if found.ends != counting.ends:
        looks.append(f"ends look {found.ends}")
        keys.append(f"ends: '{found.ends}'")
    look = " and ".join(looks)
    look = look[0].upper() + look[1:]
    if found.offsets == "utf-8":
        return f"{look}: convert them to characters"
    return f"{look}: set {' and '.join(keys)}"


def _mentions(record: Mapping[str, Any]) -> Iterator[Mention]:
    """Yield the entities of a JSON object whose ranges are numbers; skip what is not."""
    text, label = record.get("text"), record.get("label")
    if not isinstance(text, str) or not isinstance(label, dict):
        return
    for surfaces in label.values():
        for surface, ranges in surfaces.items() if isinstance(surfaces, dict) else ():
            for pair in ranges if isinstance(ranges, list) else ():
                if isinstance(pair, list) and list(map(type, pair)) == [int, int]:
                    yield Mention(text, surface, *pair)
