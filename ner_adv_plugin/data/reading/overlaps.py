"""Removal of overlapping entities."""

from collections.abc import Callable, Sequence
from typing import Literal

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.reading.reading_counts import ReadingCounts

Overlaps = Literal["keep", "error", "outermost", "innermost", "first"]

DUPLICATES, DUPLICATES_NOTE = "duplicate spans", " are counted once"

# Sort keys of spans: in this order, a span that overlaps an earlier one is dropped.
_PREFERENCE: dict[str, Callable[[Span], tuple[int, int]]] = {
    "outermost": lambda span: (span.start - span.end, span.start),
    "innermost": lambda span: (span.end - span.start, span.start),
    "first": lambda span: (0, 0),
}


def resolve_overlaps(spans: Sequence[Span], policy: Overlaps) -> list[Span]:
    """Select spans that do not overlap, sorted by start.

    # Parameters

    spans : the spans in file order.
    policy : "outermost" prefers the longest span, "innermost" the shortest and "first" the first
        one; of spans of equal length, the one that starts earlier is preferred, and of several
        types of the same range the first one.

    # Examples

    >>> spans = [Span(0, 4, "ORG"), Span(0, 2, "LOC")]
    >>> resolve_overlaps(spans, "outermost")
    [Span(start=0, end=4, type='ORG')]
    >>> resolve_overlaps(spans, "innermost")
    [Span(start=0, end=2, type='LOC')]
    """
    kept: list[Span] = []
    for span in sorted(spans, key=_PREFERENCE[policy]):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


class Flattener:
    """Removes overlapping spans from instances, and counts them.

    # Parameters

    policy : see `DatasetReader`; "keep" and "error" leave instances unchanged.
    counts : counts of the file, to which the number of removed spans is added.

    # Attributes

    dropped : number of spans removed so far; equal spans count as one.
    """

    def __init__(self, policy: Overlaps, counts: ReadingCounts | None = None) -> None:
        self.policy = policy
        self.needed = policy in _PREFERENCE
        self.dropped = 0
        self._counts = ReadingCounts() if counts is None else counts

    def __call__(self, instance: Instance) -> Instance:
        """Remove the overlapping spans of an instance in place, and return it."""
        spans = instance.spans
        if spans and len(spans) > 1:
            distinct = list(dict.fromkeys(spans))
            instance.spans = resolve_overlaps(distinct, self.policy)
            line = instance.metadata.get("line")
            self._count(distinct, instance.spans, len(spans), line)
        return instance

    def _count(
        self, spans: Sequence[Span], kept: Sequence[Span], total: int, line: int | None
    ) -> None:
        ranges = {(span.start, span.end) for span in kept}
        dropped = [span for span in spans if span not in kept]
        of_two_types = sum((span.start, span.end) in ranges for span in dropped)
        self.dropped += len(dropped)

        add = self._counts.add
        add(DUPLICATES, line, total - len(spans), DUPLICATES_NOTE)
        note = f' (overlaps "{self.policy}")'
        add("overlapping entities dropped", line, len(dropped) - of_two_types, note)
        note = ", of which the first in the file is kept"
        add("further types of one range dropped", line, of_two_types, note)
