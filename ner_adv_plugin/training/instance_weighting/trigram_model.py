"""A character trigram model of a corpus, for how well other text fits it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset

Ints = NDArray[np.int64]
# A sentence's first character follows two of these.
START = 0


class _Counts(NamedTuple):
    """How often each of some numbers occurs; the numbers are sorted."""

    keys: Ints
    counts: Ints

    def of(self, keys: Ints) -> NDArray[np.float64]:
        """The counts of these, 0 where one does not occur."""
        if not len(self.keys):
            return np.zeros(len(keys))
        place = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.counts[place], 0.0)


class TrigramModel:
    """Probability of each character after the two before it, interpolated with shorter contexts (Witten and Bell
    1991, "The zero-frequency problem").

    p(c | h) = (n(hc) + t(h) p(c | h')) / (n(h) + t(h)): n counts occurrences, t the different characters that follow
    the context h, h' is h without its first character. Below the empty context all characters that occur, and one
    more for all others, are equally probable.

    # Parameters

    sentences : the corpus, as the encoder is shown it.
    """

    def __init__(self, sentences: EncodedDataset) -> None:
        contexts = _contexts(sentences)
        # Indices of other sentences may be higher: they are cut to the first that does not occur here.
        self._base = int(contexts.max(initial=START)) + 2
        self._counts: list[_Counts] = []
        self._followers: list[tuple[_Counts, _Counts]] = []
        for order in (1, 2, 3):
            counts = _Counts(*np.unique(self._keys(contexts, order), return_counts=True))
            before, place = np.unique(counts.keys // self._base, return_inverse=True)
            totals = np.bincount(place.ravel(), counts.counts, len(before)).astype(np.int64)
            self._counts.append(counts)
            self._followers.append(
                (_Counts(before, totals), _Counts(before, np.bincount(place.ravel())))
            )

    def cross_entropy(self, sentences: EncodedDataset) -> NDArray[np.float64]:
        """-(1 / N) log2 p(sentence) of every sentence of N characters, in bits; 0 of an empty sentence."""
        contexts = _contexts(sentences).clip(max=self._base - 1)
        probability = np.full(len(contexts), 1.0 / (len(self._counts[0].keys) + 1))
        for order, counts, (totals, kinds) in zip(
            (1, 2, 3), self._counts, self._followers, strict=True
        ):
            keys = self._keys(contexts, order)
            total, follow = totals.of(keys // self._base), kinds.of(keys // self._base)
            known = total > 0
            higher = (counts.of(keys) + follow * probability) / np.where(known, total + follow, 1.0)
            probability = np.where(known, higher, probability)
        bits = np.concatenate([np.zeros(1), np.cumsum(-np.log2(probability))])
        ends = np.cumsum(sentences.lengths)
        return (bits[ends] - bits[ends - sentences.lengths]) / np.maximum(sentences.lengths, 1)

    def _keys(self, contexts: Ints, order: int) -> Ints:
        """The last `order` of three characters as one number."""
        key = np.zeros(len(contexts), dtype=np.int64)
        for column in range(3 - order, 3):
            key = key * self._base + contexts[:, column]
        return key


def _contexts(sentences: EncodedDataset) -> Ints:
    """`(N, 3)` every character of the sentences after the two before it; indices count from 1."""
    if sentences.token_ids is not None:
        tokens = sentences.token_ids
    else:
        tokens = np.concatenate(
            [np.zeros(0, np.int32), *map(sentences.token_ids_of, range(len(sentences)))]
        )
    contexts: Ints = np.full((len(tokens), 3), START, dtype=np.int64)
    contexts[:, 2] = tokens.astype(np.int64) + 1
    position = np.arange(len(tokens)) - np.repeat(sentences.offsets[:-1], sentences.lengths)
    for back in (1, 2):
        inside = np.flatnonzero(position >= back)
        contexts[inside, 2 - back] = contexts[inside - back, 2]
    return contexts
