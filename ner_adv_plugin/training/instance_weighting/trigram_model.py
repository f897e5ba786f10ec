"""Character trigram language model of a corpus."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset

Ints = NDArray[np.int64]
# Padding index: two of them precede the first character of a sentence.
START = 0


class _Counts(NamedTuple):
    """Counts by key.

    # Parameters

    keys : distinct keys in increasing order.
    counts : count of each key.
    """

    keys: Ints
    counts: Ints

    def of(self, keys: Ints) -> NDArray[np.float64]:
        """Return the counts of other keys, 0 for an unknown one."""
        if not len(self.keys):
            return np.zeros(len(keys))

        index = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[index] == keys, self.counts[index], 0.0)


class TrigramModel:
    """Character trigram model with Witten-Bell smoothing.

    The probability of character c after context h is interpolated with that after h', the context
    without its first character:

        p(c | h) = (n(hc) + t(h) p(c | h')) / (n(h) + t(h))

    n is the number of occurrences, t the number of distinct characters that follow h. The recursion
    ends with a uniform distribution over the characters of the corpus and one more that represents
    all others.

    Source: Witten & Bell 1991, "The zero-frequency problem".

    # Parameters

    sentences : corpus, encoded for the encoder.
    """

    def __init__(self, sentences: EncodedDataset) -> None:
        contexts = _contexts(sentences)
        # Indices are digits of keys to this base. The highest digit represents all characters that
        # do not occur in the corpus.
        self._base = int(contexts.max(initial=START)) + 2
        self._counts: list[_Counts] = []
        self._followers: list[tuple[_Counts, _Counts]] = []
        for order in (1, 2, 3):
            counts = _Counts(*np.unique(self._keys(contexts, order), return_counts=True))
            contexts_of_order, index = np.unique(counts.keys // self._base, return_inverse=True)
            index = index.ravel()
            totals = np.bincount(index, counts.counts, len(contexts_of_order)).astype(np.int64)
            self._counts.append(counts)
            self._followers.append(
                (_Counts(contexts_of_order, totals), _Counts(contexts_of_order, np.bincount(index)))
            )

    def cross_entropy(self, sentences: EncodedDataset) -> NDArray[np.float64]:
        """Return the cross-entropy of each sentence, -(1 / N) log2 p(sentence) for N characters.

        # Parameters

        sentences : sentences with the character vocabulary of the corpus.

        # Returns

        Bits per character, one number per sentence; 0 for an empty sentence.
        """
        contexts = _contexts(sentences).clip(max=self._base - 1)
        probability = np.full(len(contexts), 1.0 / (len(self._counts[0].keys) + 1))
        for order, counts, (totals, distinct_followers) in zip(
            (1, 2, 3), self._counts, self._followers, strict=True
        ):
            keys = self._keys(contexts, order)
            total = totals.of(keys // self._base)
            distinct = distinct_followers.of(keys // self._base)

            is_known = total > 0
            denominator = np.where(is_known, total + distinct, 1.0)
            interpolated = (counts.of(keys) + distinct * probability) / denominator
            probability = np.where(is_known, interpolated, probability)

        bits = np.concatenate([np.zeros(1), np.cumsum(-np.log2(probability))])
        ends = np.cumsum(sentences.lengths)
        return (bits[ends] - bits[ends - sentences.lengths]) / np.maximum(sentences.lengths, 1)

    def _keys(self, contexts: Ints, order: int) -> Ints:
        """Return the last `order` of each three indices as one number."""
        key = np.zeros(len(contexts), dtype=np.int64)
        for column in range(3 - order, 3):
            key = key * self._base + contexts[:, column]
        return key


def _contexts(sentences: EncodedDataset) -> Ints:
    """Return each character of the sentences with the two before it, (N, 3).

    Character indices are increased by 1: 0 is `START`.
    """
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
