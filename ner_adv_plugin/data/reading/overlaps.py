"""Removal of overlapping entities."""

from collections.abc import Callable, Sequence
from typing import Literal

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span

Overlaps = Literal["keep", "error", "outermost", "innermost", "first"]

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
        one; of spans of equal length, the one that starts earlier is preferred.

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
    """Removes overlapping spans from instances; `dropped` is the number of removed spans so far.

    # Parameters

    policy : see `DatasetReader`; "keep" and "error" leave instances unchanged.
    """

    def __init__(self, policy: Overlaps) -> None:
        self.policy = policy
        self.needed = policy in _PREFERENCE
        self.dropped = 0

    def __call__(self, instance: Instance) -> Instance:
        """Remove the overlapping spans of an instance in place, and return it."""
        spans = instance.spans
        if spans and len(spans) > 1:
            instance.spans = resolve_overlaps(spans, self.policy)
            self.dropped += len(spans) - len(instance.spans)
        return instance
