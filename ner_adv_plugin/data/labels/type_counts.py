"""Numbers of entities by type, for messages."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from ner_adv_plugin.data.labels.spans import SpanTable


def type_counts(tables: Iterable[SpanTable | None]) -> Counter[str]:
    """Count the spans of several tables by type; an unlabelled table (None) has none.

    # Examples

    >>> from ner_adv_plugin.data.labels.spans import Span
    >>> counts = type_counts([SpanTable.of([[Span(0, 2, "PER")], [Span(1, 3, "LOC")]]), None])
    >>> listed_counts(counts + Counter(PER=2))
    'PER 3, LOC 1'
    """
    counts: Counter[str] = Counter()
    for table in tables:
        if table is not None:
            numbers = np.bincount(table.types_S, minlength=len(table.types)).tolist()
            for name, number in zip(table.types, numbers, strict=True):
                if number:
                    counts[name] += number
    return counts


def listed_counts(counts: Mapping[str, int]) -> str:
    """List types with their counts, the most frequent first; "none" if there are none."""
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in in_order) or "none"
