"""How similar sentences are to those of the source."""

from collections.abc import Sequence

import numpy as np


def similarity_terciles(texts: Sequence[str], source_bigrams: frozenset[str]) -> list[str]:
    """Return "low", "middle" or "high" for each sentence: its similarity to the source.

    The similarity is the share of its character bigrams that occur in the source; the borders are
    the terciles over the sentences, and a sentence on a border is in the lower group.
    """
    shares = [_share(bigrams(text), source_bigrams) for text in texts]
    if not shares:
        return []
    low, high = np.quantile(shares, [1 / 3, 2 / 3])
    return ["low" if one <= low else "middle" if one <= high else "high" for one in shares]


def bigrams(text: str) -> frozenset[str]:
    """Return the character bigrams of a text."""
    return frozenset(text[i : i + 2] for i in range(len(text) - 1))


def _share(own: frozenset[str], source: frozenset[str]) -> float:
    return len(own & source) / len(own) if own else 0.0
