"""Sets of spans that a head chooses pair by pair: conflicts, and the best of several readings."""

import heapq
from collections.abc import Iterator, Mapping, Sequence

from ner_adv_plugin.data.labels.spans import ScoredSpan

# Candidate readings per requested reading, as some become equal when conflicts are resolved.
CANDIDATES = 4


def without_conflicts(spans: Sequence[ScoredSpan], flat: bool) -> list[ScoredSpan]:
    """Drop spans that conflict with a more probable span that is kept.

    # Parameters

    spans : the spans of a sentence.
    flat : whether all spans that overlap conflict; if false, only those that cross do.

    # Examples

    >>> nested = [ScoredSpan(0, 4, "ORG", 0.9), ScoredSpan(0, 2, "LOC", 0.8)]
    >>> [span.type for span in without_conflicts(nested, flat=True)]
    ['ORG']
    """
    kept: list[ScoredSpan] = []
    for span in sorted(spans, key=lambda span: (-span.score, span)):
        if not any(_conflict(span, other, flat) for other in kept):
            kept.append(span)
    return sorted(kept)


def _conflict(one: ScoredSpan, other: ScoredSpan, flat: bool) -> bool:
    if one.end <= other.start or other.end <= one.start:
        return False

    nests = (one.start <= other.start and other.end <= one.end) or (
        other.start <= one.start and one.end <= other.end
    )
    return flat or not nests


def cheapest_readings(
    best: Mapping[int, int],
    costs: Sequence[float],
    changes: Sequence[int],
    options: int,
    most: int,
) -> Iterator[tuple[float, dict[int, int]]]:
    """Yield the most probable choices of one option for each of independent groups.

    # Parameters

    best : for each group with a span its best option.
    costs : loss of log-probability of the cheapest other options, ascending.
    changes : those options, as group x `options` + option.
    options : number of options of a group; option 0 is "no span".
    most : largest number of readings.

    # Returns

    Cost of each reading, and the options other than 0 that it chooses by group.
    """
    groups = [change // options for change in changes]
    for number, (cost, chosen) in enumerate(cheapest_subsets(costs, groups)):
        if number == most:
            return
        reading = {**best, **{groups[i]: changes[i] % options for i in chosen}}
        yield cost, {group: option for group, option in reading.items() if option}


def cheapest_subsets(
    costs: Sequence[float], groups: Sequence[int]
) -> Iterator[tuple[float, list[int]]]:
    """Yield subsets of items in order of total cost, with at most one item of each group.

    # Parameters

    costs : costs of the items, ascending, 0 or more.
    groups : group of each item.

    # Returns

    Total cost and indices of the items of each subset, starting with the empty one.
    """
    yield 0.0, []
    queue: list[tuple[float, list[int]]] = [(costs[0], [0])] if costs else []
    while queue:
        cost, chosen = heapq.heappop(queue)
        if len({groups[i] for i in chosen}) == len(chosen):
            yield cost, chosen
        last = chosen[-1]
        if last + 1 < len(costs):
            heapq.heappush(queue, (cost + costs[last + 1], [*chosen, last + 1]))
            heapq.heappush(queue, (cost + costs[last + 1] - costs[last], [*chosen[:-1], last + 1]))
