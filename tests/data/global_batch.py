"""Micro-batches of tests that are a global batch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ner_adv_plugin.data.batching.batch import Batch


def share_totals(batches: Sequence[Batch]) -> list[Batch]:
    """Set the totals of micro-batches to those of all of them; the units of owners are kept."""
    heads = [head for batch in batches for head in batch.heads]
    totals = dict(Counter(head for head in heads if head is not None))
    return [replace(batch, totals=totals, total=len(heads)) for batch in batches]
