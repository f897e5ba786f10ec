"""Overlaps of two corpora: characters, bigrams, entities and types.

All are shares between 0 and 1 that need no encoder.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TypeVar

T = TypeVar("T")


def ngram_counts(texts: Iterable[str], n: int) -> Counter[str]:
    """Count the character n-grams of texts; none crosses the end of a text."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text[i : i + n] for i in range(len(text) - n + 1))
    return counts


def coverage(target: Counter[T], source: Collection[T]) -> float | None:
    """Share of what occurs in the target that also occurs in the source.

    It is the sum of c(g) over the items g that the source has, over the sum of all c(g), with c(g)
    the count of g in the target: frequent items count more. Items are n-grams, or the surface forms
    of entities, alone or with their types. Larger is better.

    # Parameters

    target : counts of the target's items.
    source : items of the source.

    # Returns

    The share; None if the target has no item.
    """
    total = target.total()
    if not total:
        return None
    return sum(count for gram, count in target.items() if gram in source) / total


def type_similarity(target: Iterable[str], source: Iterable[str]) -> float | None:
    """Jaccard index of two sets of type names: |T & S| / |T | S|. Larger is better.

    # Parameters

    target, source : names of types.

    # Returns

    The index; None if there is no type at all.
    """
    one, other = set(target), set(source)
    return len(one & other) / len(one | other) if one | other else None
