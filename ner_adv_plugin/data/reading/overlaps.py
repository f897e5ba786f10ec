"""Overlapping entities made flat."""

from collections.abc import Callable, Sequence
from typing import Literal

from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.labels.spans import Span

Overlaps = Literal["keep", "error", "outermost", "innermost", "first"]

# The order in which spans are kept: one that overlaps an earlier one is dropped.
_PREFERENCE: dict[str, Callable[[Span], tuple[int, int]]] = {
    "outermost": lambda span: (span.start - span.end, span.start),
    "innermost": lambda span: (span.end - span.start, span.start),
    "first": lambda span: (0, 0),
}


def resolve_overlaps(spans: Sequence[Span], policy: Overlaps) -> list[Span]:
    """The spans that remain when no two may overlap, in order of their starts.

    # Parameters

    spans : in the order of the file.
    policy : "outermost" prefers the longest, "innermost" the shortest, "first" the first; of two equally good, the
        one that starts earlier.
    """
    kept: list[Span] = []
    for span in sorted(spans, key=_PREFERENCE[policy]):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


class Flattener:
    """Makes the spans of instances flat, one instance after another.

    # Parameters

    policy : see `DatasetReader`; "keep" and "error" leave instances as they are.

    `dropped` counts the spans that were left out.
    """

    def __init__(self, policy: Overlaps) -> None:
        self.policy = policy
        self.needed = policy in _PREFERENCE
        self.dropped = 0

    def __call__(self, instance: Instance) -> Instance:
        """The instance with spans that do not overlap."""
        spans = instance.spans
        if spans and len(spans) > 1:
            instance.spans = resolve_overlaps(spans, self.policy)
            self.dropped += len(spans) - len(instance.spans)
        return instance
